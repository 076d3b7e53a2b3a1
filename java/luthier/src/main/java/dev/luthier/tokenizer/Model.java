package dev.luthier.tokenizer;

/** Turns a piece of text into ids. Safe for use by many threads. */
sealed interface Model permits BpeModel, UnigramModel {
    void tokenize(String text, int start, int end, IdBuffer out);
}
