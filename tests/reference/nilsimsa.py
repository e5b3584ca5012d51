"""The Nilsimsa hash, one trigram at a time."""

T = bytes.fromhex(
    "02d69e6ff91d04abd022161fd873a1ac3b7062961e6e8f399d05144aa6beae0e"
    "cfb99c9ac76813e12da4eb518d646b5023800341ecbb71cc7a867f98f2365eee"
    "8ece4fb832b65f59dc1b314c7bf063016cba07e81277493cda46fe2f791c9b30"
    "e300067e2e0f383321ada554caa729fc5a47697dc595b5f40b90a3816d255535"
    "f575740a26bf195c1ac6ff995d84aa663eaf78b32043c1ed24eae63f18f3a042"
    "57085360c3c0834082d709bd442a67a893e0c2569fd9dd8515b48a27289276de"
    "eff8b2b7c93d45944b110d65d5348b910cfa87e97c5bb14de5d4cb10a21789bc"
    "dbb0e2978852f748d3612c3a2bd18cfbf1cde46ae7a9fdc437c8d2f6df58724e"
)


def tran(a: int, b: int, c: int, n: int) -> int:
    """The accumulator a trigram counts in."""
    return ((T[(a + n) & 255] ^ (T[b] * (2 * n + 1))) + T[c ^ T[n]]) & 255


def nilsimsa(data: bytes) -> tuple[int, int, int, int]:
    """The hash as four 64-bit words."""
    acc = [0] * 256
    for i, w0 in enumerate(data):
        w1, w2, w3, w4 = (data[i - k] if i >= k else 0 for k in range(1, 5))
        if i >= 2:
            acc[tran(w0, w1, w2, 0)] += 1
        if i >= 3:
            acc[tran(w0, w1, w3, 1)] += 1
            acc[tran(w0, w2, w3, 2)] += 1
        if i >= 4:
            acc[tran(w0, w1, w4, 3)] += 1
            acc[tran(w0, w2, w4, 4)] += 1
            acc[tran(w0, w3, w4, 5)] += 1
            acc[tran(w4, w1, w0, 6)] += 1
            acc[tran(w4, w3, w0, 7)] += 1
    threshold = sum(acc) // 256
    bits = sum(1 << i for i in range(256) if acc[i] > threshold)
    return tuple(bits >> (64 * word) & (2**64 - 1) for word in range(4))  # type: ignore[return-value]
