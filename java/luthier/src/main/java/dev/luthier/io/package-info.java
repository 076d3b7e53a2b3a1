/**
 * File formats: safetensors, GGUF, JSON, and atomic writing. Names, shapes and bytes; no model.
 *
 * <p>{@link dev.luthier.io.TensorSource} reads, {@link dev.luthier.io.TensorSink} writes,
 * {@link dev.luthier.io.Floats} turns stored elements into floats and back. A file that breaks a rule
 * of its format ends in a {@link dev.luthier.io.FormatException}.
 */
package dev.luthier.io;
