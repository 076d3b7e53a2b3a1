package dev.luthier.testing;

import dev.luthier.io.Json;
import dev.luthier.io.TensorSource;
import dev.luthier.model.Packed;
import dev.luthier.model.Transformer;
import dev.luthier.train.MicroBatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** One case of the PyTorch + PEFT oracle: a tiny model and what transformers computes with it (see its README in the shared folder). */
public final class OracleCase implements AutoCloseable {
    public final String name;
    public final Path folder;
    public final Path model;
    public final JsonNode json;
    private final TensorSource tensors;

    private OracleCase(String name, Path folder) throws IOException {
        this.name = name;
        this.folder = folder;
        this.json = Json.readObject(folder.resolve("expected.json"));
        this.model = folder.resolve(json.path("base_model").asString(".")).normalize();
        this.tensors = TensorSource.open(folder.resolve("expected.safetensors"));
    }

    public static OracleCase open(String name) throws IOException {
        return new OracleCase(name, Shared.require("oracle/" + name));
    }

    public float[] floats(String tensor) {
        return tensors.floats(tensor);
    }

    public int[] ints(String tensor) {
        float[] f = tensors.floats(tensor);
        int[] n = new int[f.length];
        for (int i = 0; i < n.length; i++) n[i] = (int) f[i];
        return n;
    }

    /** Names of the tensors that start so, without that start. */
    public List<String> names(String prefix) {
        return tensors.tensors().stream().map(i -> i.name()).filter(n -> n.startsWith(prefix)).map(n -> n.substring(prefix.length())).toList();
    }

    public double number(String... path) {
        JsonNode n = json;
        for (String p : path) n = n.path(p);
        return n.asDouble();
    }

    /** One rounding of an fp32 number between 4 and 8, where the losses lie: two ways of computing a loss may agree exactly by luck. */
    private static final double ULP = 0x1p-21;

    /** The larger of the two stored noise floors of a quantity. */
    public double noise(String key) {
        double worst = key.endsWith("loss") ? ULP : 0;
        for (JsonNode kind : json.path("noise_floor")) if (kind.path(key).isNumber()) worst = Math.max(worst, kind.path(key).asDouble());
        if (worst == 0) throw new IllegalStateException(name + " has no noise floor for " + key);
        return worst;
    }

    /** The real tokens of the rows [first, first + count) of a [n, 48] batch. */
    public static List<int[]> rows(int[] ids, int[] mask, int first, int count) {
        int length = 48;
        List<int[]> rows = new ArrayList<>();
        for (int r = first; r < first + count; r++) {
            int at = r * length;
            int real = 0;
            for (int i = 0; i < length; i++) real += mask[at + i];
            rows.add(Arrays.copyOfRange(ids, at, at + real));
        }
        return rows;
    }

    /** The same rows as one packed batch with shifted targets. */
    public static MicroBatch batch(int[] ids, int[] mask, int[] labels, int first, int count) {
        Packed packed = Packed.of(rows(ids, mask, first, count));
        int[] targets = new int[packed.tokens()];
        int at = 0;
        for (int r = 0; r < count; r++) {
            int length = packed.cuSeqlens()[r + 1] - packed.cuSeqlens()[r];
            for (int i = 0; i < length; i++) targets[at++] = i + 1 < length ? labels[(first + r) * 48 + i + 1] : Transformer.IGNORE;
        }
        return new MicroBatch(packed, targets);
    }

    /** The micro-batches of a training step. */
    public List<MicroBatch> trainStep(int step) {
        int accumulation = json.path("accum").asInt(1);
        int[] ids = ints("train.input_ids");
        int[] mask = ints("train.attention_mask");
        int[] labels = ints("train.labels");
        List<MicroBatch> batches = new ArrayList<>();
        for (int a = 0; a < accumulation; a++) batches.add(batch(ids, mask, labels, (step * accumulation + a) * 2, 2));
        return batches;
    }

    @Override
    public void close() {
        tensors.close();
    }
}
