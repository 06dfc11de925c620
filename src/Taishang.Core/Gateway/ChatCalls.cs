using Google.Protobuf;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Gateway.Caches;
using Taishang.Core.Gateway.OpenAi;

namespace Taishang.Core.Gateway;

/// <summary>Chat completions, whole or as they come.</summary>
internal sealed class ChatCalls(IAiClient ai, ModelCaller caller, AnswerCache cache)
{
    /// <summary>Of an answer that is kept for the cache: a longer one is only passed on.</summary>
    private const int KeptEventsMax = 100_000;

    /// <exception cref="ApiException">Not admitted, no target, or the last one failed.</exception>
    public Task<Served<ChatOutcome>> CompleteAsync(ModelCall call, ChatBody body, CancellationToken cancellation) =>
        caller.RunAsync(call, body.Size, attempt => SendAsync(attempt, body, AnswerCache.Chat, null), cancellation);

    /// <param name="call">Who asks, and where it may go.</param>
    /// <param name="body">What is asked.</param>
    /// <param name="onChunk">Passes a part of the answer on to the caller. Once it has been called, no other target can
    /// take over.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">As above; perhaps after some parts.</exception>
    public Task<Served<ChatOutcome>> StreamAsync(
        ModelCall call, ChatBody body, Func<CallAttempt, ByteString, Task> onChunk, CancellationToken cancellation) =>
        caller.RunAsync(
            call, body.Size, attempt => SendAsync(attempt, body, AnswerCache.StreamedChat, onChunk), cancellation);

    private async Task<CallResult<ChatOutcome>> SendAsync(
        CallAttempt attempt, ChatBody body, byte kind, Func<CallAttempt, ByteString, Task>? onChunk)
    {
        var ttl = cache.TtlOf(attempt);
        CacheKey key = default;
        if (ttl is not null)
        {
            key = AnswerCache.KeyOf(attempt, kind, body.Json.Span);
            if (cache.Find(key) is { } known) return await ReplayAsync(attempt, known, onChunk);
        }

        attempt.TakeRoom(
            body.Size.Calls, body.Size.InputTokens + body.Size.OutputTokensLikely(attempt.Model.ContextTokens));
        var kept = ttl is null ? null : new List<IMessage>();
        ByteString? completion = null;
        var request = new ChatRequest
        {
            Model = attempt.Model.Spec,
            BodyJson = body.Json,
            Stream = onChunk is not null,
        };
        var summary = await ai.ChatAsync(
            request,
            async (one, _) =>
            {
                if (kept?.Count < KeptEventsMax) kept.Add(one);
                if (one.EventCase == ChatEvent.EventOneofCase.CompletionJson) completion = one.CompletionJson;
                else await PassAsync(attempt, one, onChunk);
            },
            attempt.Cancellation);
        if (onChunk is null && completion is null)
            throw new ApiException(
                ErrorCodes.AiFailed, $"{attempt.Model.Model.Reference} gave no completion");
        if (kept?.Count < KeptEventsMax && ttl is { } time)
            cache.Add(key, [.. kept, new ChatEvent { Summary = summary }], time);
        return new CallResult<ChatOutcome>(
            new ChatOutcome(completion, summary), summary.PromptTokens, summary.CompletionTokens, 1, summary.ModelMs);
    }

    private static async Task<CallResult<ChatOutcome>> ReplayAsync(
        CallAttempt attempt, IReadOnlyList<IMessage> known, Func<CallAttempt, ByteString, Task>? onChunk)
    {
        ByteString? completion = null;
        var summary = new ChatSummary();
        foreach (var one in known.Cast<ChatEvent>())
        {
            if (one.EventCase == ChatEvent.EventOneofCase.Summary) summary = one.Summary;
            else if (one.EventCase == ChatEvent.EventOneofCase.CompletionJson) completion = one.CompletionJson;
            else await PassAsync(attempt, one, onChunk);
        }

        return new CallResult<ChatOutcome>(new ChatOutcome(completion, summary), 0, 0, 0, 0);
    }

    private static Task PassAsync(
        CallAttempt attempt, ChatEvent one, Func<CallAttempt, ByteString, Task>? onChunk)
    {
        // What a shadow says goes nowhere.
        if (attempt.IsShadow || onChunk is null || one.EventCase != ChatEvent.EventOneofCase.ChunkJson)
            return Task.CompletedTask;
        attempt.Passed(1);
        return onChunk(attempt, one.ChunkJson);
    }
}

/// <param name="Completion">The whole object; null where it was streamed.</param>
/// <param name="Summary">What it took.</param>
internal sealed record ChatOutcome(ByteString? Completion, ChatSummary Summary);
