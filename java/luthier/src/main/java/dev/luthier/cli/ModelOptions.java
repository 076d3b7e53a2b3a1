package dev.luthier.cli;

import dev.luthier.engine.DeviceArena;
import dev.luthier.model.Adapter;
import dev.luthier.model.AdapterFiles;
import dev.luthier.model.BaseModel;
import dev.luthier.model.LoadIn;
import dev.luthier.model.LoraConfig;
import dev.luthier.model.ModelConfig;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which model to load, and how. */
final class ModelOptions {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of a Hugging Face checkpoint, or a GGUF file")
    Path model;

    @Option(names = "--load-in", defaultValue = "32bit", paramLabel = "BITS", converter = LoadInConverter.class,
            description = "4bit (NF4), 4bit-dynamic (8 bits where NF4 is worst), 16bit or 32bit weights (default: ${DEFAULT-VALUE})")
    LoadIn loadIn;

    BaseModel load(Ops ops, Terminal terminal) throws IOException {
        BaseModel base = BaseModel.load(ops, model, loadIn, terminal.bytes("loading " + model.getFileName() + " in " + loadIn));
        terminal.clear();
        describeExceptions(base, terminal);
        return base;
    }

    /** Says which projections 4bit-dynamic keeps in more bits. */
    static void describeExceptions(BaseModel base, Terminal terminal) {
        if (base.loadIn() != LoadIn.BIT4_DYNAMIC) return;
        terminal.println("luthier: " + base.exceptions().size() + " projections stay in more than 4 bits");
        base.exceptions().forEach((name, type) -> terminal.println("  " + name + "  " + type));
    }

    /** An adapter in memory of its own. */
    record LoadedAdapter(Adapter adapter, DeviceArena arena) implements AutoCloseable {
        static LoadedAdapter read(Ops ops, Path folder, ModelConfig config, boolean trainable) throws IOException {
            LoraConfig lora = AdapterFiles.readConfig(folder, config);
            DeviceArena count = DeviceArena.counting();
            Adapter.allocate(count, config, lora, trainable);
            DeviceArena arena = DeviceArena.of(ops.engine(), count.peak());
            try {
                return new LoadedAdapter(AdapterFiles.read(ops.engine(), arena, folder, config, trainable), arena);
            } catch (IOException | RuntimeException e) {
                arena.close();
                throw e;
            }
        }

        static LoadedAdapter fresh(Ops ops, LoraConfig lora, ModelConfig config, long seed) {
            DeviceArena count = DeviceArena.counting();
            Adapter.allocate(count, config, lora, true);
            DeviceArena arena = DeviceArena.of(ops.engine(), count.peak());
            Adapter adapter = Adapter.allocate(arena, config, lora, true);
            adapter.initialize(ops.engine(), seed);
            return new LoadedAdapter(adapter, arena);
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    /** "4bit" and its like. */
    static final class LoadInConverter implements ITypeConverter<LoadIn> {
        @Override
        public LoadIn convert(String value) {
            try {
                return LoadIn.of(value);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
