/**
 * From a data file to token rows and batches.
 *
 * <p>The way of a row: {@code source} reads files and gives {@code Row}s (named fields and where they stood),
 * {@code record} recognises their shape and gives conversations, {@code frame} turns a conversation into text with
 * the answer marked, {@code rows} encodes text to {@link dev.luthier.data.Example}s, and {@code batch} shuffles, packs
 * and groups them. {@code check} reports on all of it. The words used here know no model and no device; the tokenizer
 * and the chat template are met through {@link dev.luthier.data.TextEncoder} and
 * {@link dev.luthier.data.ConversationRenderer}.
 */
package dev.luthier.data;
