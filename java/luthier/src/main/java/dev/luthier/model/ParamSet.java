package dev.luthier.model;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.engine.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All trainable tensors in one buffer, so that the optimizer is one call; each starts at a multiple of 256 elements (its 8-bit state's block). */
public final class ParamSet {
    public static final int ALIGNMENT = 256;

    private final Map<String, Param> params;
    private final Tensor values;
    private final Tensor grads;

    private ParamSet(Map<String, Param> params, Tensor values, Tensor grads) {
        this.params = params;
        this.values = values;
        this.grads = grads;
    }

    /** Name and shape of a tensor to be. */
    public record Shape(String name, long rows, long cols) {
        long padded() {
            return Math.ceilDiv(rows * cols, ALIGNMENT) * ALIGNMENT;
        }
    }

    public static ParamSet allocate(DeviceArena arena, List<Shape> shapes, boolean trainable) {
        long total = shapes.stream().mapToLong(Shape::padded).sum();
        Tensor values = arena.tensor(Kind.ADAPTER, DType.F32, 1, total);
        Tensor grads = trainable ? arena.tensor(Kind.GRADIENTS, DType.F32, 1, total) : null;
        Map<String, Param> params = new LinkedHashMap<>();
        long at = 0;
        for (Shape s : shapes) {
            params.put(s.name(), new Param(s.name(), view(values, at, s), trainable ? view(grads, at, s) : null));
            at += s.padded();
        }
        return new ParamSet(params, values, grads);
    }

    private static Tensor view(Tensor flat, long at, Shape s) {
        return flat.cols(at, s.rows() * s.cols()).reshape(s.rows(), s.cols());
    }

    public List<Param> all() {
        return new ArrayList<>(params.values());
    }

    /** The param of that name, or null. */
    public Param get(String name) {
        return params.get(name);
    }

    /** All values, F32 [1, N]. */
    public Tensor values() {
        return values;
    }

    /** All gradients, F32 [1, N]; null when not trainable. */
    public Tensor grads() {
        return grads;
    }

    /** N: elements with padding. */
    public long size() {
        return values.cols();
    }

    /** Trainable numbers, without padding. */
    public long count() {
        return params.values().stream().mapToLong(p -> p.value().elements()).sum();
    }
}
