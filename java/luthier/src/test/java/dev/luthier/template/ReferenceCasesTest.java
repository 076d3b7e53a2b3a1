package dev.luthier.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The language as a whole, against Python's jinja2. */
class ReferenceCasesTest {
    @Test
    void everyCaseEqualsTheReference() {
        Map<String, Object> data = TemplateData.referenceCases();
        Map<String, Object> variables = TemplateData.object(data.get("variables"));
        Clock clock = Clock.fixed(LocalDateTime.parse((String) data.get("now")).toInstant(ZoneOffset.UTC),
                ZoneOffset.UTC);
        List<Map<String, Object>> cases = TemplateData.objects(data.get("cases"));
        assertTrue(cases.size() > 1500, "only " + cases.size() + " cases found");
        List<String> wrong = new ArrayList<>();
        for (Map<String, Object> c : cases) {
            String source = (String) c.get("template");
            String found;
            try {
                found = ChatTemplate.parse(source).render(variables, clock).text();
            } catch (TemplateException e) {
                found = null;
            }
            if (!java.util.Objects.equals(c.get("rendered"), found)) {
                wrong.add(source + "\n  wanted " + c.get("rendered") + "\n  found  " + found);
            }
        }
        assertEquals(List.of(), wrong);
    }

    @Test
    void variablesAreLeftAsTheyWere() {
        Map<String, Object> data = TemplateData.referenceCases();
        Map<String, Object> variables = TemplateData.object(data.get("variables"));
        String before = variables.toString();
        for (Map<String, Object> c : TemplateData.objects(data.get("cases"))) {
            if (c.get("rendered") == null) {
                assertThrows(TemplateException.class,
                        () -> ChatTemplate.parse((String) c.get("template")).render(variables));
            }
        }
        assertEquals(before, variables.toString());
    }
}
