using System.Text.Json;

namespace Taishang.Ai.Models;

/// <summary>
/// What is learnt from the pieces of one chat: usage, why the model stopped, and, in case nobody counts, how much text
/// came. Usage stands where each service puts it: beside the choices, in a choice (Moonshot), or under x_groq.
/// </summary>
internal sealed class ChatLedger(ChatBody body, OpenAiFailures failures)
{
    private const long MaxTokensReported = 1L << 40;
    private static readonly string[] TextFields = ["content", "reasoning_content", "reasoning", "refusal"];
    private TokenEstimate _written;
    private long? _promptTokens;
    private long? _completionTokens;

    public string FinishReason { get; private set; } = "";

    /// <summary>Reads a chunk; true if the caller is to get it.</summary>
    /// <exception cref="ModelException">It is not JSON, or it says that the service failed.</exception>
    public bool ReadChunk(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = Parse(json, "a piece of its stream is not JSON");
        JsonElement root = document.RootElement;
        int choices = Read(root, "delta");
        bool onlyUsage = choices == 0 && root.TryGetProperty("usage", out JsonElement usage)
            && usage.ValueKind == JsonValueKind.Object;
        return !onlyUsage || body.CallerWantsUsage;
    }

    /// <summary>Reads a whole completion.</summary>
    /// <exception cref="ModelException">It is no completion.</exception>
    public void ReadCompletion(ReadOnlyMemory<byte> json)
    {
        using JsonDocument document = Parse(json, "it is not JSON");
        if (Read(document.RootElement, "message") == 0) throw OpenAiFailures.Nonsense("it has no choices");
    }

    public ChatOutcome Finish(double modelMs)
    {
        bool counted = _promptTokens is not null && _completionTokens is not null;
        return new ChatOutcome(
            _promptTokens ?? body.EstimatedPromptTokens, _completionTokens ?? _written.Tokens, FinishReason,
            !counted, modelMs);
    }

    private int Read(JsonElement root, string messageField)
    {
        if (failures.InAnswer(root) is { } failure) throw failure;
        if (root.ValueKind != JsonValueKind.Object) throw OpenAiFailures.Nonsense("it is no JSON object");
        ReadUsage(root);
        if (root.TryGetProperty("x_groq", out JsonElement groq)) ReadUsage(groq);
        if (!root.TryGetProperty("choices", out JsonElement choices) || choices.ValueKind != JsonValueKind.Array)
            return 0;
        foreach (JsonElement choice in choices.EnumerateArray())
        {
            if (choice.ValueKind != JsonValueKind.Object) throw OpenAiFailures.Nonsense("a choice is no object");
            ReadUsage(choice);
            if (choice.TryGetProperty("finish_reason", out JsonElement reason)
                && reason.ValueKind == JsonValueKind.String && reason.GetString() is { Length: > 0 } text)
            {
                FinishReason = text;
            }
            if (choice.TryGetProperty(messageField, out JsonElement message)) ReadText(message);
        }
        return choices.GetArrayLength();
    }

    private void ReadText(JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object) return;
        foreach (string name in TextFields)
        {
            if (message.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String)
                _written.Add(text.GetString());
        }
        if (message.TryGetProperty("tool_calls", out JsonElement calls) && calls.ValueKind == JsonValueKind.Array)
            _written.Add(calls.GetRawText());
    }

    private void ReadUsage(JsonElement parent)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty("usage", out JsonElement usage)
            || usage.ValueKind != JsonValueKind.Object)
        {
            return;
        }
        _promptTokens = CountOf(usage, "prompt_tokens") ?? _promptTokens;
        _completionTokens = CountOf(usage, "completion_tokens") ?? _completionTokens;
    }

    private static long? CountOf(JsonElement usage, string name) =>
        usage.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out long count) && count >= 0 ? Math.Min(count, MaxTokensReported) : null;

    private static JsonDocument Parse(ReadOnlyMemory<byte> json, string fault)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException failure)
        {
            throw OpenAiFailures.Nonsense(fault, failure);
        }
    }
}
