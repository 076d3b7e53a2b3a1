/** Tuned models for elsewhere: merged or adapter GGUF files as llama.cpp's own tools write them, merged safetensors checkpoints, Ollama folders. */
package dev.luthier.export;
