package dev.luthier.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.engine.DeviceArena.Kind;
import dev.luthier.ops.Ops;
import org.junit.jupiter.api.Test;

class EngineTest {
    private static Engine cpu() {
        return Engine.open(EngineConfig.cpu(Precision.FP32).withThreads(2));
    }

    @Test
    void saysWhatItRunsOn() {
        try (Engine e = cpu()) {
            assertFalse(e.device().name().isBlank());
            assertFalse(e.device().matmul().isBlank());
            assertEquals(2, e.device().threads());
            assertTrue(e.device().memoryTotal() >= e.device().memoryFree() && e.device().memoryFree() > 0);
        }
    }

    @Test
    void anUnknownBackendIsRefusedByName() {
        EngineException x = assertThrows(EngineException.class, () -> Engine.open(new EngineConfig("tpu", 0, 0, Precision.FP32)));
        assertTrue(x.getMessage().contains("tpu"), x.getMessage());
    }

    @Test
    void aBackendThatCannotStartSaysWhyAndDoesNotFallBack() {
        EngineConfig config = new EngineConfig("cuda", 99, 0, Precision.FP32);
        assertFalse(Engine.whyUnavailable(config).orElseThrow().isBlank());
        assertEquals(Status.UNAVAILABLE, assertThrows(EngineException.class, () -> Engine.open(config)).status());
    }

    @Test
    void bytesGoInAndComeOut() {
        try (Engine e = cpu(); DeviceArena arena = DeviceArena.of(e, 1 << 16)) {
            Tensor t = arena.tensor(Kind.WEIGHTS, DType.F32, 3, 5);
            float[] values = new float[15];
            for (int i = 0; i < 15; i++) values[i] = i * 0.5f - 3;
            e.upload(t, values);
            assertArrayEquals(values, e.floats(t));
            e.zero(t.rows(1, 1));
            assertArrayEquals(new float[5], e.floats(t.rows(1, 1)));
            assertEquals(values[14], e.floats(t.rows(2, 1))[4]);
        }
    }

    @Test
    void freedAndForeignAddressesAreErrorsNotCrashes() {
        try (Engine e = cpu(); Ops ops = new Ops(e)) {
            long address = e.alloc(1024);
            Tensor t = Tensor.of(address, 16, 16, DType.F32);
            Tensor beyond = Tensor.of(address + 256, 16, 16, DType.F32);
            ops.add(t, t, t);
            assertEquals(Status.INVALID, assertThrows(EngineException.class, () -> ops.add(beyond, t, t)).status());
            assertEquals(Status.INVALID, assertThrows(EngineException.class, () -> ops.add(t, t, Tensor.of(4096, 16, 16, DType.F32))).status());
            e.free(address);
            assertEquals(Status.INVALID, assertThrows(EngineException.class, () -> ops.add(t, t, t)).status());
            assertEquals(Status.INVALID, assertThrows(EngineException.class, () -> e.free(address)).status());
            assertEquals(Status.INVALID, assertThrows(EngineException.class, () -> ops.add(Tensor.of(-256, Long.MAX_VALUE / 8, 4, DType.F32), t, t)).status());
        }
    }

    @Test
    void tooMuchMemoryIsAStatusAndTheEngineGoesOn() {
        try (Engine e = cpu()) {
            assertEquals(Status.OUT_OF_MEMORY, assertThrows(EngineException.class, () -> e.alloc(1L << 60)).status());
            e.free(e.alloc(4096));
        }
    }

    @Test
    void aClosedEngineIsAnException() {
        Engine e = cpu();
        e.close();
        e.close();
        assertThrows(IllegalStateException.class, () -> e.alloc(16));
    }

    @Test
    void severalEnginesLiveSideBySide() throws Exception {
        Thread[] threads = new Thread[4];
        float[][] results = new float[threads.length][];
        for (int i = 0; i < threads.length; i++) {
            int n = i;
            threads[i] = Thread.ofPlatform().start(() -> {
                try (Engine e = cpu(); Ops ops = new Ops(e); DeviceArena arena = DeviceArena.of(e, 1 << 16)) {
                    Tensor t = arena.tensor(Kind.WEIGHTS, DType.F32, 1, 8);
                    e.upload(t, new float[] {n, n, n, n, n, n, n, n});
                    for (int r = 0; r < 10; r++) ops.add(t, t, t);
                    results[n] = e.floats(t);
                }
            });
        }
        for (Thread t : threads) t.join();
        for (int i = 0; i < threads.length; i++) assertEquals(1024f * i, results[i][7]);
    }

    @Test
    void aCountingArenaKnowsTheExactPlan() {
        DeviceArena count = DeviceArena.counting();
        count.matrix(DType.NF4, 10, 128);
        long mark = count.mark();
        count.tensor(Kind.ACTIVATIONS, DType.F32, 7, 3);
        count.reset(mark);
        count.tensor(Kind.ACTIVATIONS, DType.F32, 7, 2);
        long nf4 = Math.ceilDiv(640, 256) * 256L + 256 + 256;
        assertEquals(nf4 + 256, count.peak());
        assertEquals(nf4, count.plan().get(Kind.WEIGHTS));
        try (Engine e = cpu(); DeviceArena real = DeviceArena.of(e, count.peak())) {
            real.matrix(DType.NF4, 10, 128);
            real.tensor(Kind.ACTIVATIONS, DType.F32, 7, 3);
            assertEquals(Status.OUT_OF_MEMORY, assertThrows(EngineException.class, () -> real.alloc(Kind.CACHE, 1)).status());
        }
    }
}
