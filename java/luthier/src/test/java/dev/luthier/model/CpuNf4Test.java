package dev.luthier.model;

import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Precision;

class CpuNf4Test extends Nf4Suite {
    @Override
    EngineConfig engineConfig() {
        return EngineConfig.cpu(Precision.FP32);
    }
}
