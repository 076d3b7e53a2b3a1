package dev.luthier.export;

import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Precision;
import dev.luthier.ops.Ops;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A CPU engine for the tests of one class. */
final class CpuOps implements BeforeAllCallback, AfterAllCallback {
    private Ops ops;

    Ops ops() {
        return ops;
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        ops = new Ops(Engine.open(EngineConfig.cpu(Precision.FP32)));
    }

    @Override
    public void afterAll(ExtensionContext context) {
        ops.close();
        ops.engine().close();
    }
}
