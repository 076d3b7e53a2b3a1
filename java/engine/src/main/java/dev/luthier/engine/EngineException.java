package dev.luthier.engine;

/** An engine call failed; the message is the library's own sentence, naming argument, found and wanted. */
public final class EngineException extends RuntimeException {
    private final Status status;

    public EngineException(Status status, String message) {
        super(message);
        this.status = status;
    }

    public Status status() {
        return status;
    }
}
