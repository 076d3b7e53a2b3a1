package dev.luthier.cli;

import dev.luthier.engine.DeviceInfo;
import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.NativeLibrary;
import dev.luthier.engine.NvidiaDriver;
import dev.luthier.engine.Precision;
import dev.luthier.io.Json;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Says what this machine offers: the JDK, the processor, and each backend with the reason where it cannot start. */
@Command(name = "doctor", mixinStandardHelpOptions = true, description = "Shows the JDK, the processor and each backend, and why one is not available.")
final class Doctor implements Callable<Integer> {
    private static final List<String> BACKENDS = List.of("cpu", "cuda");

    @Option(names = "--json", description = "print JSON")
    boolean asJson;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() {
        ObjectNode report = Json.mapper().createObjectNode();
        report.put("java", System.getProperty("java.vendor.version", System.getProperty("java.vendor")) + " " + Runtime.version());
        report.put("java_home", System.getProperty("java.home"));
        report.put("platform", NativeLibrary.platform());
        report.put("heap_max_bytes", Runtime.getRuntime().maxMemory());
        ArrayNode backends = report.putArray("backends");
        boolean cpu = false;
        for (String name : BACKENDS) {
            ObjectNode b = backends.addObject().put("name", name);
            EngineConfig config = new EngineConfig(name, 0, 0, Precision.BF16);
            Optional<String> why = Engine.whyUnavailable(config);
            b.put("available", why.isEmpty());
            if (why.isPresent()) {
                b.put("reason", why.get());
                continue;
            }
            cpu |= name.equals("cpu");
            try (Engine engine = Engine.open(config)) {
                DeviceInfo d = engine.device();
                b.put("device", d.name()).put("features", d.features()).put("matmul", d.matmul()).put("memory_total_bytes", d.memoryTotal());
                b.put("memory_free_bytes", d.memoryFree()).put("threads", d.threads());
            }
        }
        NvidiaDriver.Report driver = NvidiaDriver.report();
        ObjectNode nvidia = report.putObject("nvidia").put("driver_cuda", driver.version());
        driver.problem().ifPresent(p -> nvidia.put("problem", p));
        ArrayNode gpus = nvidia.putArray("gpus");
        driver.gpus().forEach(g -> gpus.addObject().put("name", g.name()).put("memory_total_bytes", g.memoryTotal()));
        nvidia.put("cublas", NvidiaDriver.cublas().orElse(null));
        PrintWriter out = spec.commandLine().getOut();
        if (asJson) out.println(Json.text(report));
        else print(out, report);
        return cpu ? ExitCode.OK : ExitCode.USAGE;
    }

    private static void print(PrintWriter out, ObjectNode r) {
        out.println("java      " + r.get("java").asString() + " at " + r.get("java_home").asString());
        out.println("platform  " + r.get("platform").asString() + ", Java heap up to " + Terminal.size(r.get("heap_max_bytes").asLong()));
        r.get("backends").forEach(b -> {
            String name = String.format("%-10s", b.get("name").asString());
            if (!b.get("available").asBoolean()) {
                out.println(name + "not available: " + b.get("reason").asString());
                return;
            }
            out.println(name + b.get("device").asString() + ", " + b.get("threads").asInt() + " threads, memory "
                    + Terminal.size(b.get("memory_free_bytes").asLong()) + " free of " + Terminal.size(b.get("memory_total_bytes").asLong()));
            out.println("          features: " + b.get("features").asString());
            out.println("          matrix products: " + b.get("matmul").asString());
        });
        JsonNode nvidia = r.get("nvidia");
        if (nvidia.has("problem")) out.println("nvidia    " + nvidia.get("problem").asString());
        nvidia.get("gpus").forEach(g -> out.println("nvidia    " + g.get("name").asString() + ", " + Terminal.size(g.get("memory_total_bytes").asLong())
                + ", driver for CUDA " + nvidia.get("driver_cuda").asString()));
        out.println("cublas    " + (nvidia.get("cublas").isNull() ? "not found (libcublas.so.13 or .12); the hand-written products are used" : nvidia.get("cublas").asString()));
    }
}
