package dev.luthier.model;

import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Precision;

class CpuOracleTest extends OracleSuite {
    @Override
    EngineConfig engineConfig() {
        return EngineConfig.cpu(Precision.FP32);
    }
}
