package dev.luthier.engine;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Bump allocation from one block of device memory, with a mark that a step can return to. A counting arena hands out tensors without memory:
 * run the same building code on it first and it knows the exact plan, by kind, before anything is allocated.
 */
public final class DeviceArena implements AutoCloseable {
    /** Every tensor starts at a multiple of this many bytes (a cache line pair; cp.async and AVX-512 want less). */
    public static final long ALIGNMENT = 256;

    /** What memory is for; the rows of the plan. */
    public enum Kind {
        WEIGHTS("frozen weights"), ADAPTER("adapter"), GRADIENTS("gradients"), OPTIMIZER("optimizer states"), ACTIVATIONS("activations"),
        CACHE("KV cache"), WORKSPACE("workspace"), STAGING("staging");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    private final Engine engine;
    private final long base;
    private final long capacity;
    private final Map<Kind, Long> byKind = new EnumMap<>(Kind.class);
    private long used;
    private long peak;

    private DeviceArena(Engine engine, long base, long capacity) {
        this.engine = engine;
        this.base = base;
        this.capacity = capacity;
    }

    /** An arena that only counts. Its tensors have addresses that no engine accepts. */
    public static DeviceArena counting() {
        return new DeviceArena(null, ALIGNMENT, Long.MAX_VALUE / 2);
    }

    /** An arena of this many bytes on the engine's device. */
    public static DeviceArena of(Engine engine, long bytes) {
        return new DeviceArena(engine, engine.alloc(Math.max(bytes, ALIGNMENT)), bytes);
    }

    public boolean isCounting() {
        return engine == null;
    }

    public long alloc(Kind kind, long bytes) {
        long size = Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
        if (size > capacity - used)
            throw new EngineException(Status.OUT_OF_MEMORY,
                    "the arena of " + capacity + " bytes has " + (capacity - used) + " left, " + kind.label() + " needs " + size);
        long address = base + used;
        used += size;
        peak = Math.max(peak, used);
        byKind.merge(kind, size, Long::sum);
        return address;
    }

    public Tensor tensor(Kind kind, DType dtype, long rows, long cols) {
        return Tensor.of(alloc(kind, dtype.bytes(rows, cols)), rows, cols, dtype);
    }

    /** Room for a weight matrix; NF4 gets double-quantized scales. */
    public Matrix matrix(DType type, long rows, long cols) {
        long data = alloc(Kind.WEIGHTS, type.bytes(rows, cols));
        if (type != DType.NF4) return Matrix.of(data, rows, cols, type);
        long absmax = alloc(Kind.WEIGHTS, Matrix.nf4Blocks(rows, cols));
        long nested = alloc(Kind.WEIGHTS, 4 * Matrix.nf4NestedBlocks(rows, cols));
        return new Matrix(data, absmax, nested, rows, cols, type, 0);
    }

    /** The place to return to with {@link #reset}. */
    public long mark() {
        return used;
    }

    /** Gives back everything allocated after the mark. The plan by kind keeps what was counted. */
    public void reset(long mark) {
        if (mark < 0 || mark > used) throw new IllegalArgumentException("mark " + mark + " lies outside the " + used + " bytes in use");
        used = mark;
    }

    /** Most bytes ever in use at once. */
    public long peak() {
        return peak;
    }

    /** Bytes by kind, in the order of {@link Kind}. */
    public Map<Kind, Long> plan() {
        return new LinkedHashMap<>(byKind);
    }

    @Override
    public void close() {
        if (engine != null) engine.free(base);
    }
}
