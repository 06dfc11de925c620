using System.Text.Json;
using System.Text.Json.Nodes;
using Taishang.Executors;

namespace Taishang.Samples.WordCount;

/// <summary>
/// Tasks of type `word_count`: payload <c>{texts, pause_ms?}</c>, result <c>{texts, words}</c>, and the words of each
/// text as an answer of the task. It shows all that an executor is given: it checks its payload, goes on from its
/// checkpoint, reports progress, cost and log, and lets go when asked. `pause_ms` stands for the time that real work
/// on a text takes.
/// </summary>
public sealed class WordCountExecutor : ITaskExecutor
{
    private const int TextsMax = 1_000;
    private const int PauseMsMax = 60_000;

    public string Type => "word_count";

    /// <summary>A stop lets the text end that is being counted.</summary>
    public bool ParksItself => true;

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
        if (!payload.TryGetProperty("texts", out var texts) || texts.ValueKind != JsonValueKind.Array
            || texts.GetArrayLength() is 0 or > TextsMax
            || texts.EnumerateArray().Any(text => text.ValueKind != JsonValueKind.String))
            errors.Add("payload.texts", $"expected 1 to {TextsMax} texts");
        if (payload.TryGetProperty("pause_ms", out var pause)
            && (pause.ValueKind != JsonValueKind.Number || !pause.TryGetInt32(out var milliseconds)
                || milliseconds is < 0 or > PauseMsMax))
            errors.Add("payload.pause_ms", $"expected 0 to {PauseMsMax}");
    }

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        var texts = context.Payload.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!).ToArray();
        var pause = context.Payload.TryGetProperty("pause_ms", out var milliseconds) ? milliseconds.GetInt32() : 0;
        var (next, words) = Resume(context.Checkpoint);
        context.Log(TaskLogLevel.Info, $"attempt {context.Attempt} begins at text {next}");
        while (next < texts.Length)
        {
            await Task.Delay(pause, cancellation);
            var count = texts[next].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
            words += count;
            var answer = new TaskAnswer(next, new JsonObject { ["words"] = count }.ToJsonString());
            next++;
            context.AddCost(tokens: count, aiMilliseconds: pause);
            context.ReportProgress(next * 100 / texts.Length);
            // The answer and the place to go on from are saved together: a text is never counted and then forgotten.
            await context.SaveCheckpointAsync(
                new JsonObject { ["next"] = next, ["words"] = words }.ToJsonString(), [answer], cancellation);
            if (next < texts.Length) context.ParkIfAsked();
        }

        context.Log(TaskLogLevel.Info, $"counted {words} words in {texts.Length} texts");
        return new JsonObject { ["texts"] = texts.Length, ["words"] = words }.ToJsonString();
    }

    private static (int Next, long Words) Resume(string? checkpoint)
    {
        if (checkpoint is null) return (0, 0);
        using var json = JsonDocument.Parse(checkpoint);
        return (json.RootElement.GetProperty("next").GetInt32(), json.RootElement.GetProperty("words").GetInt64());
    }
}
