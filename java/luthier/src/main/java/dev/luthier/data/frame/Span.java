package dev.luthier.data.frame;

/**
 * A piece of framed text.
 *
 * @param text    never empty
 * @param literal true: the user wrote the text of a control token here; it must be encoded as plain text
 * @param target  true: the model has to learn to write this
 */
public record Span(String text, boolean literal, boolean target) {}
