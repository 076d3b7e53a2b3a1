package dev.luthier.data.record;

import java.util.List;
import java.util.Locale;

/**
 * What a column can mean, with the names it is met under, the likelier first. Names are compared without case, spaces,
 * hyphens and underscores.
 */
public enum Field {
    MESSAGES("messages", "conversations", "conversation", "dialogue", "dialog", "对话"),
    TOOLS("tools"),
    CHOSEN("chosen", "好的回答"),
    REJECTED("rejected", "差的回答"),
    INPUT_IDS("inputids"),
    LABELS("labels"),
    ATTENTION_MASK("attentionmask"),
    SYSTEM("system", "systemprompt", "developer", "persona", "系统", "系统提示", "系统提示词"),
    QUESTION("instruction", "question", "prompt", "query", "problem", "user", "input", "指令", "问题", "提问", "题目",
            "输入"),
    /** Material that belongs to the question, as in alpaca. */
    INPUT("input", "输入", "context", "上下文"),
    THINKING("complexcot", "thinking", "reasoningcontent", "reasoning", "analysis", "cot", "chainofthought",
            "rationale", "思维链", "推理", "思考", "推理过程", "思考过程"),
    ANSWER("response", "answer", "output", "completion", "target", "final", "答案", "输出", "回答", "回复", "解答"),
    TEXT("text", "content", "文本", "正文", "内容");

    private final List<String> names;

    Field(String... names) {
        this.names = List.of(names);
    }

    List<String> names() {
        return names;
    }

    /** The name on a command line: {@code input_ids}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    static String normal(String column) {
        StringBuilder b = new StringBuilder(column.length());
        column.strip().toLowerCase(Locale.ROOT).codePoints()
                .filter(c -> c != '_' && c != '-' && !Character.isWhitespace(c) && c != 0xFEFF)
                .forEach(b::appendCodePoint);
        return b.toString();
    }
}
