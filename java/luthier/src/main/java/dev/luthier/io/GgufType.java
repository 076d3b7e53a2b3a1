package dev.luthier.io;

import java.util.Optional;

/** The types of GGUF metadata values; the ordinal is the number in the file. */
public enum GgufType {
    UINT8(1), INT8(1), UINT16(2), INT16(2), UINT32(4), INT32(4), FLOAT32(4), BOOL(1), STRING(0), ARRAY(0),
    UINT64(8), INT64(8), FLOAT64(8);

    private static final GgufType[] TYPES = values();
    private final int bytes;

    GgufType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of a value; 0 where that depends on the value. */
    public int bytes() {
        return bytes;
    }

    /** Whether all values have the same size. */
    public boolean isFixed() {
        return bytes > 0;
    }

    static Optional<GgufType> of(int number) {
        return number >= 0 && number < TYPES.length ? Optional.of(TYPES[number]) : Optional.empty();
    }
}
