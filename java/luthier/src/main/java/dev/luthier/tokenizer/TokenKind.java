package dev.luthier.tokenizer;

/** What a token is, with the number that GGUF files give it in {@code tokenizer.ggml.token_type}. */
public enum TokenKind {
    /** A piece of text. */
    NORMAL(1),
    /** Stands for text that has no token. */
    UNKNOWN(2),
    /** Structure, not text: begin, end, roles, reserved places. Skipped when special text is not parsed. */
    CONTROL(3),
    /** Added text that is always one token, such as {@code <think>}. */
    USER_DEFINED(4),
    /** An id without a token. */
    UNUSED(5),
    /** One raw byte, written {@code <0xNN>}. */
    BYTE(6);

    private final int ggml;

    TokenKind(int ggml) {
        this.ggml = ggml;
    }

    /** The number in a GGUF file. */
    public int ggml() {
        return ggml;
    }

    /** The kind of that number, or null where GGUF has no such number. */
    static TokenKind ofGgml(int number) {
        for (TokenKind kind : values()) if (kind.ggml == number) return kind;
        return null;
    }
}
