package dev.luthier.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What NVIDIA's driver says about this machine, asked of {@code libcuda.so.1} itself: it works without any CUDA backend and tells a machine without a
 * driver from one without a GPU. Source: CUDA Driver API reference.
 */
public final class NvidiaDriver {
    private static final int NAME_BYTES = 256;

    private NvidiaDriver() {
    }

    /**
     * @param name        of the GPU
     * @param memoryTotal bytes
     */
    public record Gpu(String name, long memoryTotal) {
    }

    /**
     * @param problem why there is no GPU to use; empty when there is one
     * @param version CUDA version the driver supports, such as "13.0"; "" without a driver
     */
    public record Report(Optional<String> problem, String version, List<Gpu> gpus) {
    }

    /** Asks the driver. Never throws. */
    public static Report report() {
        try (Arena arena = Arena.ofConfined()) {
            Optional<SymbolLookup> library = open("libcuda.so.1", arena);
            if (library.isEmpty()) return none("", "no NVIDIA driver: libcuda.so.1 is not on this machine");
            return ask(library.get(), arena);
        } catch (Throwable e) {
            return none("", "the NVIDIA driver could not be asked: " + e);
        }
    }

    /** The first cuBLAS library that can be loaded, newest first; empty when there is none. */
    public static Optional<String> cublas() {
        for (String name : List.of("libcublas.so.13", "libcublas.so.12")) {
            try (Arena arena = Arena.ofConfined()) {
                if (open(name, arena).isPresent()) return Optional.of(name);
            }
        }
        return Optional.empty();
    }

    private static Optional<SymbolLookup> open(String name, Arena arena) {
        try {
            return Optional.of(SymbolLookup.libraryLookup(name, arena));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static Report ask(SymbolLookup cuda, Arena arena) throws Throwable {
        int code = call(cuda, "cuInit", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT), 0);
        MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
        FunctionDescriptor outInt = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS);
        call(cuda, "cuDriverGetVersion", outInt, number);
        int v = number.get(ValueLayout.JAVA_INT, 0);
        String version = v / 1000 + "." + v % 1000 / 10;
        if (code != 0) return none(version, "the NVIDIA driver is there but cuInit failed with error " + code + (code == 100 ? " (no GPU)" : ""));
        if (call(cuda, "cuDeviceGetCount", outInt, number) != 0) return none(version, "the NVIDIA driver cannot count its GPUs");
        int count = number.get(ValueLayout.JAVA_INT, 0);
        List<Gpu> gpus = new ArrayList<>();
        MemorySegment name = arena.allocate(NAME_BYTES);
        MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
        for (int i = 0; i < count; i++) {
            call(cuda, "cuDeviceGet", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT), number, i);
            int device = number.get(ValueLayout.JAVA_INT, 0);
            call(cuda, "cuDeviceGetName", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT), name, NAME_BYTES, device);
            call(cuda, "cuDeviceTotalMem_v2", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT), bytes, device);
            gpus.add(new Gpu(name.getString(0), bytes.get(ValueLayout.JAVA_LONG, 0)));
        }
        return count == 0 ? none(version, "the NVIDIA driver finds no GPU") : new Report(Optional.empty(), version, List.copyOf(gpus));
    }

    private static int call(SymbolLookup library, String function, FunctionDescriptor type, Object... arguments) throws Throwable {
        return (int) Linker.nativeLinker().downcallHandle(library.findOrThrow(function), type).invokeWithArguments(arguments);
    }

    private static Report none(String version, String problem) {
        return new Report(Optional.of(problem), version, List.of());
    }
}
