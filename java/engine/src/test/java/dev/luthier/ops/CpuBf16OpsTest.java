package dev.luthier.ops;

import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Precision;

class CpuBf16OpsTest extends OpsSuite {
    @Override
    EngineConfig config() {
        return EngineConfig.cpu(Precision.BF16);
    }
}
