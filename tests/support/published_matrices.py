"""EER matrices (percent; row = after task, column = task) that the EVDA benchmark ships with its code.

Source: Cecile-hi/Evolving-FAD-CL-Benchmark @8dc5845, result/: wav2vec/eer/{Replay,Naive}.txt and, with the last row
that the benchmark's README gives ELMA, wav2vec_InitA_100epoch_lora_32_normal_moe/eer/ELMA_r_32.txt. `FINAL` holds the
final average and the forgetting that belong to them: forgetting there is the final EER minus the best of all rows, the
last included.
"""

ELMA = [
    [4.8, 43.2, 44.0, 48.8, 44.8, 49.6, 43.6, 35.2],
    [4.8, 2.4, 24.8, 48.8, 16.8, 49.6, 43.6, 35.2],
    [4.8, 2.8, 0.4, 48.8, 23.6, 49.6, 43.6, 35.2],
    [4.8, 2.8, 0.4, 4.8, 23.6, 49.2, 34.0, 30.4],
    [4.8, 2.8, 0.4, 4.8, 2.0, 49.6, 33.6, 32.4],
    [4.0, 2.4, 0.4, 4.4, 2.0, 18.0, 26.8, 30.4],
    [4.0, 2.8, 3.2, 4.8, 2.0, 23.2, 16.4, 30.8],
    [5.6, 2.8, 3.2, 6.0, 2.0, 20.8, 16.0, 13.6],
]
REPLAY = [
    [24.0, 37.2, 47.2, 49.6, 40.8, 18.4, 26.4],
    [12.0, 15.2, 46.4, 40.4, 24.0, 24.8, 21.6],
    [8.0, 11.6, 32.4, 39.2, 22.4, 39.6, 32.8],
    [5.6, 5.2, 26.4, 27.6, 17.2, 45.6, 32.8],
    [5.6, 5.2, 25.2, 28.4, 15.2, 45.6, 37.6],
    [9.6, 8.0, 23.6, 26.8, 13.2, 8.8, 35.6],
    [6.0, 6.4, 14.4, 24.0, 13.2, 7.6, 12.8],
]
NAIVE = [
    [24.0, 37.2, 47.2, 49.6, 40.8, 18.4, 26.4],
    [22.0, 20.4, 50.0, 46.4, 27.2, 29.2, 26.0],
    [38.4, 36.0, 34.8, 48.8, 36.4, 39.6, 49.2],
    [20.8, 31.6, 43.6, 32.0, 30.0, 44.0, 32.4],
    [16.0, 15.6, 44.4, 42.8, 23.2, 23.2, 25.6],
    [33.2, 47.6, 44.0, 46.0, 49.2, 15.2, 31.2],
    [30.4, 44.8, 42.4, 50.0, 43.6, 15.2, 14.8],
]
FINAL = {"ELMA": (ELMA, 8.75, 1.31), "Replay": (REPLAY, 12.06, 0.27), "Naive": (NAIVE, 34.46, 14.93)}
