package dev.luthier.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.luthier.template.TemplateException.Kind;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

class ChatTemplateTest {
    private static final Clock NOON = Clock.fixed(Instant.parse("2024-07-26T12:00:00Z"), ZoneOffset.UTC);
    private static final List<Map<String, String>> TALK = List.of(Map.of("role", "user", "content", "Hi 🙂"),
            Map.of("role", "assistant", "content", "Hello 🙃!"));

    private static String render(String source, Map<String, ?> variables) {
        return ChatTemplate.parse(source).render(variables).text();
    }

    @Test
    void conversationGivesTheUsualVariables() {
        ChatTemplate t = ChatTemplate.parse("{{ bos_token }}{% for m in messages %}{{ m.role }}={{ m.content }};"
                + "{% endfor %}{{ tools }}{{ documents }}{{ add_generation_prompt }}{{ eos_token is defined }}"
                + "{{ enable_thinking }}{{ strftime_now('%d %b %Y') }}");
        Conversation c = Conversation.of(TALK).withTokens("<s>", null).withGenerationPrompt(true)
                .withExtra(Map.of("enable_thinking", false)).withClock(NOON);
        assertEquals("<s>user=Hi 🙂;assistant=Hello 🙃!;NoneNoneTrueFalseFalse26 Jul 2024", t.render(c).text());
        Conversation d = c.withTools(List.of(Map.of("name", "f"))).withDocuments(List.of()).withGenerationPrompt(false)
                .withTokens(null, "</s>").withExtra(Map.of("bos_token", "<own>"));
        assertEquals("<own>user=Hi 🙂;assistant=Hello 🙃!;[{'name': 'f'}][]FalseTrue26 Jul 2024", t.render(d).text());
    }

    @Test
    void generationSpansCoverWhatTheAssistantSaid() {
        ChatTemplate t = ChatTemplate.parse("{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}"
                + "{% generation %}{{ m.content }}</s>{% endgeneration %}{% else %}{{ m.content }}{% endif %}"
                + "{% endfor %}");
        assertTrue(t.marksGeneration());
        List<Map<String, String>> talk = new ArrayList<>(TALK);
        talk.addAll(TALK);
        Rendered r = t.render(Conversation.of(talk));
        assertEquals(2, r.generationSpans().size());
        r.generationSpans().forEach(span -> assertEquals("Hello 🙃!</s>", span.of(r.text())));
        assertEquals("<user>Hi 🙂<assistant>".length(), r.generationSpans().get(0).start());
    }

    @Test
    void generationSpansSurviveMacrosAndCallBlocksButNotCaptures() {
        Rendered r = ChatTemplate.parse("{% macro say(x) %}[{% generation %}{{ x }}{% endgeneration %}]{% endmacro %}"
                + "{% macro wrap() %}<{{ caller() }}>{% endmacro %}"
                + "ab{{ say('one') }}{% call wrap() %}{% generation %}two{% endgeneration %}{% endcall %}"
                + "{% generation %}{% generation %}three{% endgeneration %}!{% endgeneration %}"
                + "{% set kept %}{% generation %}four{% endgeneration %}{% endset %}{{ kept }}").render(Map.of());
        assertEquals("ab[one]<two>three!four", r.text());
        assertEquals(List.of("one", "two", "three!"),
                r.generationSpans().stream().map(span -> span.of(r.text())).toList());
        assertFalse(ChatTemplate.parse("plain").marksGeneration());
    }

    @Test
    void raisedMessagesAreTheAuthorsOwn() {
        TemplateException e = assertThrows(TemplateException.class,
                () -> render("a\n{{ raise_exception('Roles must ' ~ 'alternate') }}", Map.of()));
        assertEquals(Kind.RAISED, e.kind());
        assertEquals("Roles must alternate", e.getMessage());
        assertEquals(2, e.line());
    }

    @Test
    void runtimeErrorsNameTheLine() {
        for (String source : List.of("{{ x.y }}", "{{ 1 + 'a' }}", "{{ 1 / 0 }}", "{{ 'a'|round }}",
                "{% for a in 5 %}{% endfor %}", "{% set a.b = 1 %}", "{{ nothing() }}", "{% for a, b in [[1]] %}{% endfor %}",
                "{{ 5 is in 6 }}", "{{ [][1:'a'] }}", "{% include 'other' %}", "{{ [1].append(2) }}")) {
            TemplateException e = assertThrows(TemplateException.class, () -> render("\n\n" + source, Map.of()), source);
            assertEquals(Kind.RUNTIME, e.kind(), source);
            assertEquals(3, e.line(), source);
            assertTrue(e.getMessage().startsWith("chat template, line 3: "), e.getMessage());
        }
        TemplateException e = assertThrows(TemplateException.class,
                () -> render("{% macro m() %}\n\nx{% endmacro %}{{ m() ~\n missing.y }}", Map.of()));
        assertEquals("chat template, line 4: 'missing' is undefined", e.getMessage());
    }

    @Test
    void valuesOfEveryJsonTypeAreTaken() {
        Map<String, Object> v = new HashMap<>();
        v.put("values", Arrays.asList(1, (short) 2, (byte) 3, 4L, new BigInteger("12345678901234567890"), 1.5f, 2.5,
                new BigDecimal("0.1"), true, null, "text", new StringBuilder("built"), 'c', Map.of("k", 1)));
        assertEquals("[1, 2, 3, 4, 12345678901234567890, 1.5, 2.5, 0.1, True, None, 'text', 'built', 'c', {'k': 1}]",
                render("{{ values }}", v));
    }

    @Test
    void otherValuesAreRefusedWithTheirPlace() {
        TemplateException e = assertThrows(TemplateException.class, () -> render("",
                Map.of("messages", List.of(Map.of("content", new Object())))));
        assertEquals(Kind.INPUT, e.kind());
        assertEquals("template variable messages[0].content is a java.lang.Object; give a Map, a Collection, a"
                + " CharSequence, a Number, a Boolean or null", e.getMessage());
        List<Object> loop = new ArrayList<>();
        loop.add(loop);
        e = assertThrows(TemplateException.class, () -> render("", Map.of("x", loop)));
        assertEquals(Kind.INPUT, e.kind());
    }

    @Test
    void oneTemplateServesManyThreads() throws Exception {
        ChatTemplate t = ChatTemplate.parse("{% set ns = namespace(n=0) %}{% for i in range(200) %}"
                + "{% set ns.n = ns.n + k %}{% endfor %}{{ ns.n }}");
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<String>> tasks = new ArrayList<>();
            for (int k = 0; k < 64; k++) {
                Map<String, Object> variables = Map.of("k", k);
                tasks.add(() -> t.render(variables).text());
            }
            int k = 0;
            for (var done : threads.invokeAll(tasks)) {
                assertEquals(String.valueOf(200 * k++), done.get());
            }
        }
    }

    @Test
    void namedTemplatesAreSelected() {
        Object named = List.of(Map.of("name", "default", "template", "D"), Map.of("name", "tool_use", "template", "T"),
                Map.of("name", "rag", "template", "R"));
        assertEquals("S", ChatTemplate.select("S", true));
        assertEquals("D", ChatTemplate.select(named, false));
        assertEquals("T", ChatTemplate.select(named, true));
        assertEquals("D", ChatTemplate.select(List.of(Map.of("name", "default", "template", "D")), true));
        for (Object wrong : Arrays.asList(null, 5, List.of(), List.of(Map.of("name", "rag", "template", "R")),
                List.of("D"), List.of(Map.of("name", "default")))) {
            TemplateException e = assertThrows(TemplateException.class, () -> ChatTemplate.select(wrong, false));
            assertEquals(Kind.INPUT, e.kind());
            assertTrue(e.getMessage().startsWith("the field chat_template must be"), e.getMessage());
        }
        TemplateException e = assertThrows(TemplateException.class,
                () -> ChatTemplate.select(List.of(Map.of("name", "rag", "template", "R")), false));
        assertTrue(e.getMessage().endsWith("found no 'default' among [rag]"), e.getMessage());
    }
}
