from rawm.cli import main

main()
