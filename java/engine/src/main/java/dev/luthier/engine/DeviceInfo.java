package dev.luthier.engine;

/**
 * @param name        of the device
 * @param features    instruction sets, or compute capability, driver and runtime
 * @param matmul      the path matrix products take
 * @param memoryTotal bytes
 * @param memoryFree  bytes
 * @param threads     CPU worker threads, or multiprocessors
 * @param capability  CUDA compute capability times 10; 0 on a CPU
 */
public record DeviceInfo(String name, String features, String matmul, long memoryTotal, long memoryFree, int threads, int capability) {
}
