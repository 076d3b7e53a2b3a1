package dev.luthier.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.testing.Shared;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Templates of published models give, to the byte, what the reference gives; where it refuses, so do we. */
class RealTemplatesTest {
    @TestFactory
    Stream<DynamicTest> equalTheReference() throws IOException {
        var goldens = TemplateData.goldens(Shared.require("templates"));
        assertTrue(goldens.size() >= 13, "only " + goldens.size() + " templates found");
        return goldens.entrySet().stream().flatMap(e -> e.getValue().cases().stream().map(c ->
                DynamicTest.dynamicTest(e.getKey() + " " + c.get("case"), () -> check(e.getValue(), c))));
    }

    private static void check(TemplateData.Golden golden, Map<String, Object> expected) {
        Map<String, Object> variables = new LinkedHashMap<>(golden.globals());
        variables.putAll(TemplateData.object(expected.get("input")));
        ChatTemplate template = ChatTemplate.parse(golden.source());
        if (expected.get("error") instanceof String error) {
            TemplateException e = assertThrows(TemplateException.class, () -> template.render(variables));
            String message = error.substring(error.indexOf(": ") + 2);
            if (error.startsWith("TemplateError: ")) {
                assertEquals(TemplateException.Kind.RAISED, e.kind());
                assertEquals(message, e.getMessage());
            } else {
                assertEquals(TemplateException.Kind.RUNTIME, e.kind());
                assertTrue(e.getMessage().endsWith(message), e.getMessage());
            }
        } else {
            assertEquals(expected.get("rendered"), template.render(variables).text());
        }
    }
}
