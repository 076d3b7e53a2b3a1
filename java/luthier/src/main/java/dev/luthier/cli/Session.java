package dev.luthier.cli;

import dev.luthier.model.BaseModel;
import dev.luthier.model.ModelConfig;
import dev.luthier.model.Transformer;
import dev.luthier.ops.Ops;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;

/** An engine with a model and perhaps an adapter on it; closes them in the order that they need. */
final class Session implements AutoCloseable {
    private final Ops ops;
    private final BaseModel base;
    private final ModelOptions.LoadedAdapter adapter;

    private Session(Ops ops, BaseModel base, ModelOptions.LoadedAdapter adapter) {
        this.ops = ops;
        this.base = base;
        this.adapter = adapter;
    }

    /** @param adapterFolder null: the base model alone */
    static Session open(EngineOptions engine, ModelOptions model, Path adapterFolder, Terminal terminal, PrintWriter err) throws IOException {
        Ops ops = engine.open(err);
        BaseModel base = null;
        try {
            base = model.load(ops, terminal);
            return new Session(ops, base, adapterFolder == null ? null : ModelOptions.LoadedAdapter.read(ops, adapterFolder, base.config(), false));
        } catch (IOException | RuntimeException e) {
            if (base != null) base.close();
            closeEngine(ops);
            throw e;
        }
    }

    Ops ops() {
        return ops;
    }

    BaseModel base() {
        return base;
    }

    ModelConfig config() {
        return base.config();
    }

    /** The model with its adapter when there is one. */
    Transformer tuned() {
        return new Transformer(base.weights(), adapter == null ? null : adapter.adapter());
    }

    /** The model as it was before. */
    Transformer untuned() {
        return new Transformer(base.weights(), null);
    }

    int rank() {
        return adapter == null ? 0 : adapter.adapter().lora().rank();
    }

    private static void closeEngine(Ops ops) {
        ops.close();
        ops.engine().close();
    }

    @Override
    public void close() {
        if (adapter != null) adapter.close();
        base.close();
        closeEngine(ops);
    }
}
