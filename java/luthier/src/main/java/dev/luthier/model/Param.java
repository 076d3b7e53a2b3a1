package dev.luthier.model;

import dev.luthier.engine.Tensor;

/**
 * A trainable tensor: views into the flat buffers of its {@link ParamSet}.
 *
 * @param name  as PEFT stores it
 * @param value F32 [rows, cols]
 * @param grad  the same shape; null when nothing is trained
 */
public record Param(String name, Tensor value, Tensor grad) {
}
