package dev.luthier.engine;

/** What an engine call ended with; the codes of {@code lt_status} in luthier.h. */
public enum Status {
    OK,
    /** An argument is wrong: the caller's mistake. */
    INVALID,
    /** Host or device memory ran out; the engine stays usable. */
    OUT_OF_MEMORY,
    /** The backend cannot start on this machine. */
    UNAVAILABLE,
    /** A legal request that this backend cannot serve. */
    UNSUPPORTED,
    /** The driver or a kernel failed; close the engine. */
    DEVICE_ERROR;

    private static final Status[] ALL = values();

    static Status of(int code) {
        return code >= 0 && code < ALL.length ? ALL[code] : DEVICE_ERROR;
    }
}
