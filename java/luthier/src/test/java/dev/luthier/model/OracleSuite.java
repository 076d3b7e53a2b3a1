package dev.luthier.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.engine.DType;
import dev.luthier.engine.DeviceArena;
import dev.luthier.engine.Engine;
import dev.luthier.engine.EngineConfig;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import dev.luthier.generate.Generator;
import dev.luthier.generate.Sampling;
import dev.luthier.io.TensorSource;
import dev.luthier.ops.Ops;
import dev.luthier.testing.OracleCase;
import dev.luthier.train.MicroBatch;
import dev.luthier.train.Schedule;
import dev.luthier.train.StepMetrics;
import dev.luthier.train.TrainOptions;
import dev.luthier.train.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Forward, backward, training, merging and decoding against transformers + PEFT in fp32: everything within ten times the noise that PyTorch itself
 * shows between two ways of computing the same. One subclass per backend.
 */
abstract class OracleSuite {
    private static final double SLACK = 10;

    private Ops ops;
    private DeviceArena arena;

    abstract EngineConfig engineConfig();

    /** The cases, one per family. */
    static List<String> cases() {
        return List.of("llama3", "qwen2", "qwen3", "mistral", "gemma2", "gemma3", "phi3", "phi3_longrope", "qwen2_nf4", "qwen2_accum2");
    }

    @BeforeEach
    void open() {
        Engine engine = Engine.open(engineConfig());
        ops = new Ops(engine);
        arena = DeviceArena.of(engine, 64L << 20);
    }

    @AfterEach
    void close() {
        arena.close();
        ops.close();
        ops.engine().close();
    }

    private BaseModel load(OracleCase oracle) throws Exception {
        LoadIn loadIn = oracle.name.endsWith("nf4") ? LoadIn.BIT4 : LoadIn.BIT32;
        BaseModel base = BaseModel.load(ops, oracle.model, loadIn, (done, total) -> { });
        ops.engine().requireWorkspace(base.config().limits(512, 8, 8));
        return base;
    }

    private Adapter adapter(OracleCase oracle, String which, ModelConfig config, boolean trainable) throws Exception {
        return AdapterFiles.read(ops.engine(), arena, oracle.folder.resolve(which), config, trainable);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void logitsOfBaseAndAdapted(String name) throws Exception {
        try (OracleCase oracle = OracleCase.open(name); BaseModel base = load(oracle)) {
            assertLogits(oracle, new Transformer(base.weights(), null), "base.logits", "base.logits");
            assertLogits(oracle, new Transformer(base.weights(), adapter(oracle, "adapter_init", base.config(), false)), "lora.logits", "lora.logits");
            assertLogits(oracle, new Transformer(base.weights(), adapter(oracle, "adapter_final", base.config(), false)), "final.logits", "final.logits");
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void mergedLogits(String name) throws Exception {
        try (OracleCase oracle = OracleCase.open(name); BaseModel base = load(oracle)) {
            Adapter adapter = adapter(oracle, "adapter_final", base.config(), false);
            assertLogits(oracle, new Transformer(merge(base.weights(), adapter), null), "merged.logits", "merged.logits");
        }
    }

    /** The same weights with W + s B A in F32 in place of each adapted projection. */
    private Weights merge(Weights w, Adapter adapter) {
        List<Weights.Layer> layers = new ArrayList<>();
        for (int i = 0; i < w.layers().size(); i++) {
            Weights.Layer l = w.layers().get(i);
            Map<Projection, Matrix> merged = new EnumMap<>(Projection.class);
            for (Map.Entry<Projection, Matrix> e : l.matrices().entrySet()) {
                Matrix from = e.getValue();
                Matrix to = arena.matrix(DType.F32, from.rows(), from.cols());
                ops.loraMerge(Tensor.of(to.data(), to.rows(), to.cols(), DType.F32), from, 0, adapter.params().get(Adapter.nameA(e.getKey(), i)).value(),
                        adapter.params().get(Adapter.nameB(e.getKey(), i)).value(), adapter.lora().scale());
                merged.put(e.getKey(), to);
            }
            layers.add(new Weights.Layer(l.inputNorm(), l.postNorm(), l.preMlpNorm(), l.postMlpNorm(), l.qNorm(), l.kNorm(), merged, l.biases()));
        }
        return new Weights(w.config(), w.embedding(), w.head(), w.finalNorm(), layers, w.ropes(), w.longRopes());
    }

    /** Both rows of the oracle's batch alone, and packed into one: the same logits at every real position. */
    private void assertLogits(OracleCase oracle, Transformer model, String tensor, String noise) {
        float[] expected = oracle.floats(tensor);
        int vocab = model.config().vocab();
        List<int[]> rows = OracleCase.rows(oracle.ints("input_ids"), oracle.ints("attention_mask"), 0, 2);
        float[][] packed = model.logits(ops, arena, Packed.of(rows), range(rows.get(0).length + rows.get(1).length));
        int at = 0;
        for (int r = 0; r < 2; r++) {
            int[] ids = rows.get(r);
            float[][] alone = model.logits(ops, arena, Packed.of(ids), range(ids.length));
            for (int t = 0; t < ids.length; t++, at++) {
                float[] want = Arrays.copyOfRange(expected, (r * 48 + t) * vocab, (r * 48 + t + 1) * vocab);
                assertClose(want, alone[t], SLACK * oracle.noise(noise), oracle.name + " " + tensor + " row " + r + " position " + t);
                assertClose(want, packed[at], SLACK * oracle.noise(noise), oracle.name + " " + tensor + " packed, row " + r + " position " + t);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void lossOfEachToken(String name) throws Exception {
        try (OracleCase oracle = OracleCase.open(name); BaseModel base = load(oracle)) {
            MicroBatch batch = OracleCase.batch(oracle.ints("input_ids"), oracle.ints("attention_mask"), oracle.ints("labels"), 0, 2);
            Transformer.Scores scores = new Transformer(base.weights(), null).score(ops, arena, batch.packed(), batch.targets());
            float[] expected = oracle.floats("base.token_nll");
            double sum = 0;
            int at = 0;
            for (int r = 0; r < 2; r++) {
                int length = batch.packed().cuSeqlens()[r + 1] - batch.packed().cuSeqlens()[r];
                for (int t = 0; t < length; t++, at++) {
                    float want = t < 47 && batch.targets()[at] != Transformer.IGNORE ? expected[r * 47 + t] : 0;
                    assertEquals(want, scores.nll()[at], SLACK * oracle.noise("base.logits"), name + " nll row " + r + " position " + t);
                    sum += scores.nll()[at];
                }
            }
            assertEquals(oracle.number("base_loss"), sum / batch.targetTokens(), SLACK * oracle.noise("base_loss"), name + " base loss");
        }
    }

    /** One file, shards with an index, and 16-bit weights. */
    @ParameterizedTest
    @CsvSource({"sharded, base.logits", "bf16, bf16w.logits"})
    void otherFormsOfACheckpoint(String form, String tensor) throws Exception {
        try (OracleCase oracle = OracleCase.open("qwen2"); BaseModel base = BaseModel.load(ops, oracle.folder.resolve(form), LoadIn.BIT32, (done, total) -> { })) {
            ops.engine().requireWorkspace(base.config().limits(512, 8, 8));
            assertLogits(oracle, new Transformer(base.weights(), null), tensor, "base.logits");
        }
    }

    /** What bitsandbytes has quantized is taken as it is: the very logits of quantizing here. */
    @ParameterizedTest
    @CsvSource({"BIT4", "BIT32"})
    void aCheckpointAlreadyInNf4(LoadIn loadIn) throws Exception {
        try (OracleCase oracle = OracleCase.open("qwen2_nf4");
                BaseModel base = BaseModel.load(ops, oracle.folder.resolve("bnb_checkpoint"), loadIn, (done, total) -> { })) {
            ops.engine().requireWorkspace(base.config().limits(512, 8, 8));
            assertEquals(loadIn == LoadIn.BIT4 ? DType.NF4 : DType.F32, base.weights().layers().getFirst().matrices().get(Projection.Q).type());
            assertLogits(oracle, new Transformer(base.weights(), null), "base.logits", "base.logits");
        }
    }

    /** Some bytes more where they count most bring the logits nearer to those of the exact weights, by weights' error and by calibration. */
    @ParameterizedTest
    @CsvSource({"llama3,false", "llama3,true", "qwen2,false", "qwen2,true", "qwen3,true", "mistral,true", "gemma2,true", "gemma3,true", "phi3,true"})
    void dynamicFourBitIsNearerThanPlain(String name, boolean calibrated) throws Exception {
        try (OracleCase oracle = OracleCase.open(name)) {
            List<int[]> rows = OracleCase.rows(oracle.ints("input_ids"), oracle.ints("attention_mask"), 0, 2);
            double[] errors = new double[2];
            long[] bytes = new long[2];
            LoadIn[] how = {LoadIn.BIT4, LoadIn.BIT4_DYNAMIC};
            for (int i = 0; i < 2; i++) {
                try (BaseModel base = BaseModel.load(ops, oracle.model, how[i], calibrated ? rows : List.of(), (done, total) -> { })) {
                    ops.engine().requireWorkspace(base.config().limits(512, 8, 8));
                    errors[i] = logitError(oracle, new Transformer(base.weights(), null), rows.getFirst());
                    for (Weights.Layer l : base.weights().layers())
                        for (Matrix m : l.matrices().values()) bytes[i] += m.type().bytes(m.rows(), m.cols()) + (m.type() == DType.NF4 ? Matrix.nf4Blocks(m.rows(), m.cols()) : 0);
                    assertEquals(i == 1, !base.exceptions().isEmpty());
                }
            }
            assertTrue(errors[1] < errors[0], name + ": error of the logits " + errors[0] + " in NF4, " + errors[1] + " in dynamic");
            assertTrue(bytes[1] <= bytes[0] * (1 + DynamicTypes.BUDGET), "within the budget: " + bytes[0] + " and " + bytes[1] + " bytes");
        }
    }

    private double logitError(OracleCase oracle, Transformer model, int[] ids) {
        float[] expected = oracle.floats("base.logits");
        float[][] logits = model.logits(ops, arena, Packed.of(ids), range(ids.length));
        double error = 0;
        for (int t = 0; t < ids.length; t++)
            for (int v = 0; v < logits[t].length; v++) error += Math.pow(expected[t * logits[t].length + v] - logits[t][v], 2);
        return Math.sqrt(error);
    }

    @ParameterizedTest
    @MethodSource("gradientCases")
    void gradients(String name, boolean recompute) throws Exception {
        try (OracleCase oracle = OracleCase.open(name); BaseModel base = load(oracle)) {
            Adapter adapter = adapter(oracle, "adapter_init", base.config(), true);
            Transformer model = new Transformer(base.weights(), adapter);
            MicroBatch batch = OracleCase.batch(oracle.ints("input_ids"), oracle.ints("attention_mask"), oracle.ints("labels"), 0, 2);
            ops.engine().zero(adapter.params().grads());
            float[] nll = model.lossAndGradients(ops, arena, batch.packed(), batch.targets(), 1f / batch.targetTokens(), 0, recompute);
            double sum = 0;
            for (float x : nll) sum += x;
            assertEquals(oracle.number("lora_loss"), sum / batch.targetTokens(), SLACK * oracle.noise("lora_loss"), name + " loss");
            int compared = 0;
            for (String param : oracle.names("grad.")) {
                assertClose(oracle.floats("grad." + param), ops.engine().floats(adapter.params().get(param).grad()), SLACK * oracle.noise("grad_abs"),
                        name + " gradient of " + param);
                compared++;
            }
            assertEquals(adapter.params().all().size(), compared, "every gradient is compared");
        }
    }

    static List<Object[]> gradientCases() {
        List<Object[]> all = new ArrayList<>();
        for (String name : cases()) for (boolean recompute : new boolean[] {false, true}) all.add(new Object[] {name, recompute});
        return all;
    }

    @ParameterizedTest
    @MethodSource("gradientCases")
    void twentyTrainingSteps(String name, boolean recompute) throws Exception {
        try (OracleCase oracle = OracleCase.open(name); BaseModel base = load(oracle)) {
            Adapter adapter = adapter(oracle, "adapter_init", base.config(), true);
            TrainOptions options = new TrainOptions(20, (float) oracle.number("hparams", "lr"), Schedule.LINEAR, 5, (float) oracle.number("hparams", "wd"),
                    (float) oracle.number("hparams", "clip"), 0, false, recompute);
            List<StepMetrics> steps = new ArrayList<>();
            try (Trainer trainer = new Trainer(ops, new Transformer(base.weights(), adapter), options, 96, 2)) {
                trainer.run(oracle::trainStep, steps::add);
            }
            for (int s = 0; s < 20; s++) {
                double norm = oracle.json.path("train").path("grad_norms").get(s).asDouble();
                assertEquals(oracle.json.path("train").path("losses").get(s).asDouble(), steps.get(s).loss(), SLACK * oracle.noise("train_loss"), name + " loss of step " + s);
                assertEquals(norm, steps.get(s).gradNorm(), SLACK * oracle.noise("train_grad_norm_rel") * norm, name + " gradient norm of step " + s);
                assertEquals(oracle.json.path("train").path("lrs").get(s).asDouble(), steps.get(s).lr(), 1e-9, name + " learning rate of step " + s);
            }
            try (OracleFinal fin = new OracleFinal(oracle)) {
                for (Param p : adapter.params().all())
                    assertClose(fin.floats(p.name()), ops.engine().floats(p.value()), SLACK * oracle.noise("final_adapter_abs"), name + " final " + p.name());
            }
        }
    }

    /** The adapter after training. */
    private static final class OracleFinal implements AutoCloseable {
        private final TensorSource source;

        OracleFinal(OracleCase oracle) throws Exception {
            source = TensorSource.open(oracle.folder.resolve("adapter_final").resolve(AdapterFiles.WEIGHTS));
        }

        float[] floats(String name) {
            return source.floats(name);
        }

        @Override
        public void close() {
            source.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"llama3", "qwen2", "qwen3", "mistral", "gemma2", "gemma3", "phi3", "phi3_longrope", "qwen2_nf4"})
    void greedyDecoding(String name) throws Exception {
        try (OracleCase oracle = OracleCase.open(name); BaseModel base = load(oracle)) {
            Transformer model = new Transformer(base.weights(), null);
            int[] expected = oracle.ints("gen.tokens");
            Generator.Result result = new Generator(ops, model).generate(oracle.ints("gen.prompt"), expected.length, Sampling.GREEDY, Set.of(), id -> true);
            assertArrayEquals(expected, result.tokens(), name);
            assertDecodedLogits(oracle, model, expected);
        }
    }

    /** Logits of each decoding step through the cache, the prompt arriving in uneven pieces. */
    private void assertDecodedLogits(OracleCase oracle, Transformer model, int[] tokens) {
        ModelConfig c = model.config();
        int[] prompt = oracle.ints("gen.prompt");
        float[] expected = oracle.floats("gen.logits");
        KvCache cache = new KvCache(arena, c, DType.F32, 1, 64);
        long mark = arena.mark();
        model.decode(ops, arena, cache, new int[] {0}, List.of(Arrays.copyOf(prompt, 7)));
        int[] next = Arrays.copyOfRange(prompt, 7, prompt.length);
        for (int s = 0; s < tokens.length; s++) {
            arena.reset(mark);
            float[] logits = ops.engine().floats(model.decode(ops, arena, cache, new int[] {0}, List.of(next)));
            assertClose(Arrays.copyOfRange(expected, s * c.vocab(), (s + 1) * c.vocab()), logits, SLACK * oracle.noise("gen.logits"),
                    oracle.name + " logits of generated token " + s);
            next = new int[] {tokens[s]};
        }
    }

    @ParameterizedTest
    @CsvSource({"llama3", "qwen2", "qwen3", "mistral", "gemma2", "gemma3", "phi3", "phi3_longrope", "qwen2_nf4"})
    void leftPaddedRowsDecodeTogether(String name) throws Exception {
        try (OracleCase oracle = OracleCase.open(name); BaseModel base = load(oracle)) {
            Transformer model = new Transformer(base.weights(), null);
            ModelConfig c = model.config();
            float[] expected = oracle.floats("leftpad.last_logits");
            List<int[]> rows = OracleCase.rows(oracle.ints("input_ids"), oracle.ints("attention_mask"), 0, 2);
            KvCache cache = new KvCache(arena, c, DType.F32, 2, 64);
            List<int[]> heads = List.of(Arrays.copyOf(rows.get(0), 13), Arrays.copyOf(rows.get(1), 30));
            List<int[]> tails = List.of(Arrays.copyOfRange(rows.get(0), 13, 48), Arrays.copyOfRange(rows.get(1), 30, rows.get(1).length));
            model.decode(ops, arena, cache, new int[] {0, 1}, heads);
            float[] logits = ops.engine().floats(model.decode(ops, arena, cache, new int[] {0, 1}, tails));
            assertClose(expected, logits, SLACK * oracle.noise("leftpad.last_logits"), name + " last logits of two rows at once");
        }
    }

    private static int[] range(int n) {
        int[] r = new int[n];
        for (int i = 0; i < n; i++) r[i] = i;
        return r;
    }

    private static void assertClose(float[] expected, float[] actual, double tolerance, String what) {
        assertEquals(expected.length, actual.length, what + ": length");
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            double d = Math.abs((double) expected[i] - actual[i]);
            worst = Math.max(worst, Double.isNaN(d) ? Double.POSITIVE_INFINITY : d);
        }
        assertTrue(worst <= tolerance, what + ": differs by " + worst + ", allowed " + tolerance);
    }
}
