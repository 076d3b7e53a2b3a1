package dev.luthier.template;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever the source, the outcome is text or a {@link TemplateException}, and soon. */
class FuzzTest {
    private static final int ROUNDS = 20_000;
    private static final long SLOWEST_NANOS = 5_000_000_000L;
    private static final String[] PIECES = {"{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-", "if ", "for x in ",
        "endfor", "endif", "else", "set ", "macro m(a) ", "endmacro", "raw", "endraw", "(", ")", "[", "]", "{", "}",
        "'", "\"", "\\", "|", ".", ",", ":", "::", "=", "==", "~", "+", "-", "**", "//", "%", "*", "not ", " in ",
        " is ", "loop", "loop.last", "namespace()", "x", "messages", "none", "1", "0", "1e308", "99999999999999999999",
        "-1", "🙂", "\u0000", "\ud800", "\r\n", "|tojson", "|list", "|sort", "|map('int')", ".items()", "[::-1]",
        "range(9)", ".format(x)", "generation", "endgeneration", "call m(1)", "endcall", "recursive ", "break"};

    @Test
    void mutatedTemplatesEndInTextOrATemplateException() throws IOException {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        List<String> seeds = seeds();
        Limits limits = new Limits(200_000, 1 << 18, 50, 10_000);
        Map<String, Object> variables = TemplateData.object(TemplateData.referenceCases().get("variables"));
        int rendered = 0;
        for (int round = 0; round < ROUNDS; round++) {
            String source = mutated(seeds, random);
            long start = System.nanoTime();
            try {
                ChatTemplate.parse(source, limits).render(variables);
                rendered++;
            } catch (TemplateException e) {
                assertTrue(e.getMessage() != null || e.kind() == TemplateException.Kind.RAISED);
            } catch (RuntimeException | Error e) {
                fail("seed " + seed + ", round " + round + ": " + e + " for\n" + source, e);
            }
            long nanos = System.nanoTime() - start;
            assertTrue(nanos < SLOWEST_NANOS, () -> "seed " + seed + ": " + nanos / 1_000_000 + " ms for\n" + source);
        }
        assertTrue(rendered > ROUNDS / 50, "only " + rendered + " mutants rendered: the fuzz no longer reaches deep");
    }

    private static List<String> seeds() throws IOException {
        List<String> seeds = new ArrayList<>();
        TemplateData.objects(TemplateData.referenceCases().get("cases"))
                .forEach(c -> seeds.add((String) c.get("template")));
        Path real = Path.of(System.getProperty("luthier.shared", "absent"), "templates");
        if (Files.isDirectory(real)) {
            for (int copies = 0; copies < 10; copies++) {
                TemplateData.goldens(real).values().forEach(golden -> seeds.add(golden.source()));
            }
        }
        return seeds;
    }

    private static String mutated(List<String> seeds, Random random) {
        StringBuilder s = new StringBuilder(seeds.get(random.nextInt(seeds.size())));
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
            int at = random.nextInt(s.length() + 1);
            int end = Math.min(s.length(), at + random.nextInt(12));
            switch (random.nextInt(5)) {
                case 0 -> s.delete(at, end);
                case 1 -> s.insert(at, PIECES[random.nextInt(PIECES.length)]);
                case 2 -> s.insert(at, s.substring(at, end));
                case 3 -> s.replace(at, end, PIECES[random.nextInt(PIECES.length)]);
                default -> {
                    String other = seeds.get(random.nextInt(seeds.size()));
                    int from = random.nextInt(other.length() + 1);
                    s.insert(at, other, from, Math.min(other.length(), from + random.nextInt(60)));
                }
            }
        }
        return s.toString();
    }
}
