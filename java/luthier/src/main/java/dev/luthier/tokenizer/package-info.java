/**
 * Text to token ids and back: {@code tokenizer.json} (BPE and Unigram with their normalizers, pre-tokenizers, added tokens, post-processors
 * and decoders) and the vocabulary inside a GGUF file. {@link dev.luthier.tokenizer.Tokenizer} is the way in.
 */
package dev.luthier.tokenizer;
