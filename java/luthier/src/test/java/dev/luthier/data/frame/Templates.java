package dev.luthier.data.frame;

import java.time.LocalDate;
import java.util.Map;

/** Chat templates of our own in the manner of known families, each with one trap. */
final class Templates {
    private Templates() {}

    /** Begin token in the template, trimmed content, end of turn directly behind the answer. */
    static final String HEADERS = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]\n{{ m.content | trim }}<eot>"
            + "{% endfor %}{% if add_generation_prompt %}[assistant]\n{% endif %}";

    /** A line break behind the end of turn. */
    static final String LINES = "{% for m in messages %}<im>{{ m.role }}\n{{ m.content }}<eot>\n{% endfor %}"
            + "{% if add_generation_prompt %}<im>assistant\n{% endif %}";

    /** Opens the reasoning in the generation prompt and deletes it from every answer. */
    static final String OPENS = "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}<u>{{ m.content }}"
            + "{% elif m.role == 'assistant' %}{% set c = m.content %}{% if '</think>' in c %}"
            + "{% set c = c.split('</think>')[-1] %}{% endif %}<a>{{ c }}<eos>{% else %}{{ m.content }}{% endif %}"
            + "{% endfor %}{% if add_generation_prompt %}<a><think>\n{% endif %}";

    /** Keeps the reasoning of the last answer only, and writes an empty one where there is none. */
    static final String KEEPS_LAST = "{% for m in messages %}<im>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}"
            + "<think>\n{{ (m.reasoning_content or '').strip('\\n') }}\n</think>\n\n{% endif %}{{ m.content }}<eot>\n"
            + "{% endfor %}{% if add_generation_prompt %}<im>assistant\n{% endif %}";

    /** No end of turn at all. */
    static final String BARE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
            + "{% if add_generation_prompt %}assistant: {% endif %}";

    /** Ends the prompt behind an empty reasoning unless asked not to. */
    static final String CLOSES = "{% for m in messages %}<im>{{ m.role }}\n{{ m.content }}<eot>\n{% endfor %}"
            + "{% if add_generation_prompt %}<im>assistant\n<think>\n{% if not enable_thinking %}</think>{% endif %}{% endif %}";

    /** Refuses a system message. */
    static final String STRICT = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role here') }}{% endif %}"
            + LINES;

    /** Prints the date. */
    static final String DATED = "{{ strftime_now('%d %b %Y') }} " + LINES;

    static TemplateRenderer renderer(String template) {
        return new TemplateRenderer(template, "<bos>", "<eos>", LocalDate.of(2024, 7, 26), Map.of());
    }
}
