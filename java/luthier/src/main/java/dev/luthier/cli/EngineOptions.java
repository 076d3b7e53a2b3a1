package dev.luthier.cli;

import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Precision;
import dev.luthier.ops.Ops;
import java.io.PrintWriter;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Where and how to compute; shared by all commands that run a model. */
final class EngineOptions {
    @Option(names = "--backend", defaultValue = "auto", paramLabel = "NAME",
            description = "cpu, cuda, or auto: cuda where a GPU and driver are there, and it is said which (default: ${DEFAULT-VALUE})")
    String backend;

    @Option(names = "--device", defaultValue = "0", paramLabel = "N", description = "index of the GPU (default: ${DEFAULT-VALUE})")
    int device;

    @Option(names = "--threads", defaultValue = "0", paramLabel = "N", description = "CPU threads; 0: all this process may use (default: ${DEFAULT-VALUE})")
    int threads;

    @Option(names = "--precision", defaultValue = "fp32", paramLabel = "P",
            description = "fp32: strict, equal to PyTorch's fp32 to rounding; bf16: faster (default: ${DEFAULT-VALUE})")
    Precision precision;

    /** The configuration that --backend auto comes to. */
    EngineConfig resolve(PrintWriter err) {
        EngineConfig config = new EngineConfig(backend.equals("auto") ? "cuda" : backend, device, threads, precision);
        if (!backend.equals("auto")) return config;
        Optional<String> why = Engine.whyUnavailable(config);
        if (why.isEmpty()) {
            err.println("luthier: using backend cuda");
            return config;
        }
        return new EngineConfig("cpu", 0, threads, precision);
    }

    /** Starts the engine; the caller closes {@code ops.engine()} after the ops. */
    Ops open(PrintWriter err) {
        return new Ops(Engine.open(resolve(err)));
    }
}
