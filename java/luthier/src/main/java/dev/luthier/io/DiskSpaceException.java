package dev.luthier.io;

import java.io.IOException;
import java.nio.file.Path;

/** A file cannot be written because the disk is full, or would be; the message says how much is needed. */
public final class DiskSpaceException extends IOException {
    private static final long serialVersionUID = 1L;

    private final long needed;
    private final long available;

    DiskSpaceException(Path target, long needed, long available, Throwable cause) {
        super(target + ": writing it needs " + needed + " bytes and the disk has " + available
                + " free; free some space or choose another folder.", cause);
        this.needed = needed;
        this.available = available;
    }

    /** Bytes that the whole file takes, as far as known. */
    public long needed() {
        return needed;
    }

    /** Bytes that were free on the disk. */
    public long available() {
        return available;
    }
}
