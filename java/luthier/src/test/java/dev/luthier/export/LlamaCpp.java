package dev.luthier.export;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A real llama.cpp (de.kherud:llama, b4916). It runs in a process of its own, since its library keeps a JVM from ending; the process ends by halting.
 */
final class LlamaCpp {
    private static final int CANNOT_LOAD = 3;
    private static final int SECONDS = 120;

    private LlamaCpp() {
    }

    /**
     * What llama.cpp makes of a prompt.
     *
     * @param prompt its ids without a begin token, as the file's tokenizer cuts it
     * @param pieces the text of each new token, greedily chosen
     */
    record Answer(int[] prompt, List<String> pieces) {
        String text() {
            return String.join("", pieces);
        }
    }

    /** Continues each prompt by {@code tokens}; skips the test where the library cannot be loaded. */
    static List<Answer> continueText(Path gguf, Path lora, List<String> prompts, int tokens) throws IOException, InterruptedException {
        return continueText(List.of(gguf), lora, prompts, tokens);
    }

    /** The same with several files, one after the other: all answers of the first, then of the second. */
    static List<Answer> continueText(List<Path> ggufs, Path lora, List<String> prompts, int tokens) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("llamacpp");
        Path in = folder.resolve("in");
        Path out = folder.resolve("out");
        Files.writeString(in, String.join("\n", prompts.stream().map(LlamaCpp::pack).toList()) + "\n");
        List<String> command = List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--enable-native-access=ALL-UNNAMED", "-cp",
                home(LlamaModel.class) + File.pathSeparator + home(LlamaCpp.class), LlamaCpp.class.getName(),
                String.join(File.pathSeparator, ggufs.stream().map(Path::toString).toList()),
                lora == null ? "" : lora.toString(), in.toString(), out.toString(), String.valueOf(tokens));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(folder.resolve("log").toFile()).start();
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new IOException("llama.cpp did not end in " + SECONDS + " s:\n" + Files.readString(folder.resolve("log")));
        }
        if (process.exitValue() == CANNOT_LOAD) Assumptions.abort("llama.cpp's library cannot be loaded here: " + Files.readString(out));
        if (process.exitValue() != 0) throw new IOException("llama.cpp refused one of " + ggufs + ":\n" + Files.readString(folder.resolve("log")));
        List<Answer> answers = new ArrayList<>();
        for (String line : Files.readAllLines(out)) {
            List<String> words = Arrays.asList(line.split(" ", -1));
            int[] ids = Arrays.stream(words.getFirst().split(",")).mapToInt(Integer::parseInt).toArray();
            answers.add(new Answer(ids, words.subList(1, words.size()).stream().map(LlamaCpp::unpack).toList()));
        }
        return answers;
    }

    private static String home(Class<?> type) throws IOException {
        try {
            return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    private static String pack(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String unpack(String packed) {
        return new String(Base64.getDecoder().decode(packed), StandardCharsets.UTF_8);
    }

    /** GGUF files, adapter or "", file of prompts, file for answers, number of tokens. */
    public static void main(String[] args) throws IOException {
        int status = 1;
        try {
            Files.write(Path.of(args[3]), answers(args));
            status = 0;
        } catch (UnsatisfiedLinkError | ExceptionInInitializerError | NoClassDefFoundError e) {
            Files.writeString(Path.of(args[3]), String.valueOf(e));
            status = CANNOT_LOAD;
        } catch (Throwable e) {
            e.printStackTrace();
        } finally {
            Runtime.getRuntime().halt(status);
        }
    }

    private static List<String> answers(String[] args) throws IOException {
        List<String> lines = new ArrayList<>();
        for (String gguf : args[0].split(File.pathSeparator)) answer(gguf, args, lines);
        return lines;
    }

    private static void answer(String gguf, String[] args, List<String> lines) throws IOException {
        ModelParameters parameters = new ModelParameters().setModel(gguf).setCtxSize(256).setThreads(2).setGpuLayers(0).skipWarmup();
        if (!args[1].isEmpty()) parameters.addLoraAdapter(args[1]);
        LlamaModel model = new LlamaModel(parameters);
        for (String packed : Files.readAllLines(Path.of(args[2]))) {
            String prompt = unpack(packed);
            StringBuilder line = new StringBuilder(String.join(",", Arrays.stream(model.encode(prompt)).mapToObj(String::valueOf).toList()));
            InferenceParameters how = new InferenceParameters(prompt).setTemperature(0).setNPredict(Integer.parseInt(args[4])).setCachePrompt(false);
            for (LlamaOutput piece : model.generate(how)) line.append(' ').append(pack(piece.text));
            lines.add(line.toString());
        }
        model.close();
    }
}
