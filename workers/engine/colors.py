"""What colours are called: ffmpeg's words by the numbers of ITU-T H.273, where 2 and all others stand for unknown."""

PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
              11: "smpte431", 12: "smpte432"}  # fmt: skip
TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 11: "iec61966-2-4",
              13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 18: "arib-std-b67"}  # fmt: skip
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c"}

PRIMARY_NUMBERS = {name: number for number, name in PRIMARIES.items()}
TRANSFER_NUMBERS = {name: number for number, name in TRANSFERS.items()}
MATRIX_NUMBERS = {name: number for number, name in MATRICES.items()}
