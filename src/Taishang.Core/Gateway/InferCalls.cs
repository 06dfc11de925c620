using Google.Protobuf;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Gateway.Caches;

namespace Taishang.Core.Gateway;

/// <summary>Runs classifiers and tensors.</summary>
internal sealed class InferCalls(IAiClient ai, ModelCaller caller, AnswerCache cache)
{
    /// <param name="call">Who asks, and where it may go.</param>
    /// <param name="input">Without a model.</param>
    /// <param name="texts">Of the input, for its size; none for tensors.</param>
    /// <param name="cancellation">Of the request.</param>
    public Task<Served<InferenceModelResponse>> InferAsync(
        ModelCall call, InferenceModelRequest input, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        var size = new CallSize(CallSize.TokensMaxOf(texts), 0, 1);
        return caller.RunAsync(call, size, attempt => SendAsync(attempt, input, size), cancellation);
    }

    private async Task<CallResult<InferenceModelResponse>> SendAsync(
        CallAttempt attempt, InferenceModelRequest input, CallSize size)
    {
        var ttl = cache.TtlOf(attempt);
        CacheKey key = default;
        if (ttl is not null)
        {
            key = AnswerCache.KeyOf(attempt, AnswerCache.Inference, input.ToByteArray());
            if (cache.Find(key) is { } known)
                return new CallResult<InferenceModelResponse>((InferenceModelResponse)known[0], 0, 0, 0, 0);
        }

        attempt.TakeRoom(size.Calls, size.InputTokens);
        // A message of its own for each try: the record of calls keeps it. What it holds is shared and not changed.
        var request = new InferenceModelRequest { Model = attempt.Model.Spec };
        if (input.InputCase == InferenceModelRequest.InputOneofCase.Tensors) request.Tensors = input.Tensors;
        else request.Text = input.Text;
        var response = await ai.CallAsync(AiCalls.InferenceModel, request, null, attempt.Cancellation);
        if (ttl is { } kept) cache.Add(key, [response], kept);
        return new CallResult<InferenceModelResponse>(response, response.Tokens, 0, 1, response.ModelMs);
    }
}
