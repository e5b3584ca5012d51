# What the two FLAC kernels share (RFC 9639): the names of codes, and checksums.

from libc.stdint cimport uint8_t, uint16_t, uint64_t

cdef enum:
    LARGEST_FRAME = 65535  # samples of a channel
    MOST_CHANNELS = 8
    MOST_COEFFICIENTS = 32
    STREAMINFO_BYTES = 34
    SYNC = 0x7FFC  # fifteen bits: the sync code and a reserved zero

cdef enum:  # types of subframes; a predictor's order is added
    CONSTANT = 0
    VERBATIM = 1
    FIXED = 8
    LPC = 32

cdef enum:  # channel assignments; below 8: independent channels, minus 1
    LEFT_SIDE = 8
    SIDE_RIGHT = 9
    MID_SIDE = 10

cdef enum:
    RICE_BITS = 4  # of a Rice parameter; all ones: what follows is not coded
    RICE2_BITS = 5

cdef uint8_t CRC8_TABLE[256]
cdef uint16_t CRC16_TABLE[256]


cdef void _fill_tables() noexcept:
    cdef int byte, bit
    cdef uint16_t crc8, crc16
    for byte in range(256):
        crc8, crc16 = byte, byte << 8
        for bit in range(8):
            crc8 = crc8 << 1 ^ (0x107 if crc8 & 0x80 else 0)
            crc16 = crc16 << 1 ^ (0x8005 if crc16 & 0x8000 else 0)
        CRC8_TABLE[byte] = <uint8_t>crc8
        CRC16_TABLE[byte] = crc16


_fill_tables()


cdef inline uint8_t crc8_of(const uint8_t *data, uint64_t size) noexcept nogil:
    cdef uint8_t crc = 0
    cdef uint64_t i
    for i in range(size):
        crc = CRC8_TABLE[crc ^ data[i]]
    return crc


cdef inline uint16_t crc16_of(const uint8_t *data, uint64_t size) noexcept nogil:
    cdef uint16_t crc = 0
    cdef uint64_t i
    for i in range(size):
        crc = crc << 8 ^ CRC16_TABLE[crc >> 8 ^ data[i]]
    return crc
