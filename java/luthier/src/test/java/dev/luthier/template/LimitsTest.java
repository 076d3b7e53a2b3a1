package dev.luthier.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A template that loops forever or grows without bound is stopped. */
class LimitsTest {
    private static final String LOOP = "{% for i in range(100000) %}";
    private static final Limits SMALL = new Limits(2_000_000, 1 << 20, 100, 100_000);

    private static TemplateException stopped(String source, Limits limits) {
        return assertTimeoutPreemptively(Duration.ofSeconds(30), () -> assertThrows(TemplateException.class,
                () -> ChatTemplate.parse(source, limits).render(Map.of("l", List.of(1, 2, 3)))));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        LOOP + LOOP + "{% endfor %}{% endfor %}",
        LOOP + "{% for j in range(1000) %}x{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='x') %}" + LOOP + "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s='x') %}" + LOOP + "{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s='x') %}" + LOOP + "{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}",
        "{% set ns = namespace(s='x') %}" + LOOP + "{% set ns.s = ns.s|replace('x','xx') %}{% endfor %}",
        "{% set ns = namespace(s='xx') %}" + LOOP + "{% set ns.s = ns.s|join(ns.s) %}{% endfor %}",
        "{% set ns = namespace(s='xx') %}" + LOOP + "{% set ns.s = ns.s|urlencode|replace('x','%') %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}" + LOOP + "{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}" + LOOP + "{% set ns.l = ns.l * 2 %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}"
                + "{{ ns.l|tojson }}",
        "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}"
                + "{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
        "{% set ns = namespace(t=(1,)) %}{% for i in range(60) %}{% set ns.t = (ns.t, ns.t) %}{% endfor %}"
                + "{{ {ns.t: 1}[ns.t] }}",
        "{% set ns = namespace(n=3) %}" + LOOP + "{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{{ 10 ** (10 ** 10) }}", "{{ 2 ** 1000000 }}", "{{ (-2) ** 4000000000 }}", "{{ 7 ** (7 ** 20) }}",
        "{{ 'x' * 1000000000 }}", "{{ 1000000000000 * 'x' }}", "{{ l * 1000000000 }}",
        "{{ 'x'.center(1000000000) }}", "{{ 'x'.ljust(9223372036854775807) }}", "{{ 'x'.zfill(2000000000) }}",
        "{{ '\\t'.expandtabs(2000000000) }}", "{{ 'x'|center(2000000000) }}", "{{ 'x\\ny'|indent(2000000000) }}",
        "{{ '{:999999999}'.format(1) }}", "{{ '%999999999d' % 1 }}", "{{ '%.999999999f' % 1 }}",
        "{{ '%*d' % (2000000000, 1) }}", "{{ [1, [2]]|tojson(indent=2000000000) }}",
        "{{ [1]|batch(1000000000, 'x')|list }}", "{{ l|slice(1000000000)|list }}",
        "{{ range(100001) }}", "{{ range(0, 9223372036854775807) }}", "{{ range(0, -9223372036854775807, -1) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% call m() %}{{ caller }}{% endcall %}{% endmacro %}{{ m() }}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}"})
    void stopsWhatWouldNotEnd(String source) {
        assertEquals(TemplateException.Kind.LIMIT, stopped(source, SMALL).kind());
    }

    @Test
    void stopsEndlessWorkWithTheDefaultsToo() {
        assertEquals(TemplateException.Kind.LIMIT,
                stopped(LOOP + LOOP + "{% endfor %}{% endfor %}", Limits.DEFAULT).kind());
    }

    @Test
    void saysWhichLimitAndHowToRaiseIt() {
        Limits tiny = new Limits(1000, 50, 3, 20);
        assertEquals("chat template, line 1: stopped after 1000 steps: does the template loop without end?"
                + " (Limits.steps raises the bound)", stopped("{% for i in range(20) %}{% for j in range(20) %}"
                + "{% if i and j %}{% endif %}{% endfor %}{% endfor %}", tiny).getMessage());
        assertEquals("chat template, line 1: a text grew beyond 50 characters (Limits.characters raises the bound)",
                stopped("{% for i in range(20) %}{{ 'abcd' }}{% endfor %}", tiny).getMessage());
        assertEquals("chat template, line 1: macros or recursive loops nest more than 3 deep"
                + " (Limits.depth raises the bound)", stopped("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                tiny).getMessage());
        assertEquals("chat template, line 2: range() of more than 20 elements (Limits.range raises the bound)",
                stopped("\n{{ range(21) }}", tiny).getMessage());
    }

    @Test
    void limitsMustBePositive() {
        assertThrows(IllegalArgumentException.class, () -> new Limits(0, 1, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> new Limits(1, 1, -1, 1));
    }

    @Test
    void deepNestingIsRefusedAndLongChainsEndOneWayOrTheOther() {
        String open = "(".repeat(100_000);
        for (String deep : List.of("{{ " + open, "{{ " + "[".repeat(5000) + "]".repeat(5000) + " }}",
                "{{ " + "not ".repeat(5000) + "1 }}", "{{ " + "-".repeat(5000) + "1 }}",
                "{% if 1 %}".repeat(5000) + "{% endif %}".repeat(5000), "{% set " + open + "x")) {
            TemplateException e = assertThrows(TemplateException.class, () -> ChatTemplate.parse(deep));
            assertEquals(TemplateException.Kind.SYNTAX, e.kind());
        }
        for (String part : List.of("+1", "|string", ".x", "[0]", " and 1", "~1", " == 1", " if 1 else 1")) {
            try {
                ChatTemplate.parse("{{ 1" + part.repeat(50_000) + " }}").render(Map.of());
            } catch (TemplateException e) {
                assertEquals(false, e.getMessage().isBlank());
            }
        }
    }

    @Test
    void roomForALongConversation() {
        List<Map<String, String>> talk = java.util.Collections.nCopies(5000,
                Map.of("role", "user", "content", "word ".repeat(200)));
        String text = ChatTemplate.parse("{% for m in messages %}{% if m.role in ['user', 'assistant'] %}"
                + "{{ '<|' ~ m.role ~ '|>' + m.content | trim + '\\n' }}{% endif %}{% endfor %}")
                .render(Conversation.of(talk)).text();
        assertEquals(5000 * (8 + 999 + 1), text.length());
    }
}
