package dev.luthier.engine;

/**
 * Which engine to start.
 *
 * @param backend   "cpu", "cuda" or "cuda-emulated"
 * @param device    device index, 0 for "cpu"
 * @param threads   CPU threads; 0: all that this process may use
 * @param precision arithmetic of the matrix products
 */
public record EngineConfig(String backend, int device, int threads, Precision precision) {
    public static EngineConfig cpu(Precision precision) {
        return new EngineConfig("cpu", 0, 0, precision);
    }

    public EngineConfig withThreads(int n) {
        return new EngineConfig(backend, device, n, precision);
    }
}
