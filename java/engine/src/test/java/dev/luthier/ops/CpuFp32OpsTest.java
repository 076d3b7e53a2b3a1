package dev.luthier.ops;

import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Precision;

class CpuFp32OpsTest extends OpsSuite {
    @Override
    EngineConfig config() {
        return EngineConfig.cpu(Precision.FP32);
    }
}
