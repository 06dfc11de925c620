namespace Taishang.Ai.Models;

/// <summary>Takes one piece of an answer, and only then comes back: what reads slowly slows the model down.</summary>
internal delegate Task ChatSink(ReadOnlyMemory<byte> json);

/// <summary>A model that completes chats.</summary>
internal interface IChatModel : IDisposable
{
    /// <summary>
    /// Completes one chat. With a stream <paramref name="send"/> gets each chunk as it comes, else the one completion.
    /// Cancelling breaks off the work behind it at once.
    /// </summary>
    /// <exception cref="ModelException">Also after some chunks were sent.</exception>
    Task<ChatOutcome> ChatAsync(ChatCall call, ChatSink send, CancellationToken cancellationToken);
}

/// <summary>Loads the chat models of one provider.</summary>
internal interface IChatProvider
{
    /// <summary>The name by which references ask for this provider, in lower case.</summary>
    string Name { get; }

    /// <exception cref="ModelException">It can not be loaded.</exception>
    ValueTask<IChatModel> LoadChatAsync(ModelReference reference, CancellationToken cancellationToken);
}

/// <summary>What is asked of a chat model.</summary>
/// <param name="Body">A JSON object of the OpenAI form, without model and stream.</param>
/// <param name="Stream">Whether the answer is wanted piece by piece.</param>
internal sealed record ChatCall(ReadOnlyMemory<byte> Body, bool Stream);

/// <summary>What a chat came to.</summary>
/// <param name="PromptTokens">Tokens read.</param>
/// <param name="CompletionTokens">Tokens written.</param>
/// <param name="FinishReason">Why the model stopped, as the provider says it: stop, length, tool_calls …</param>
/// <param name="UsageEstimated">True if the provider counted no tokens.</param>
/// <param name="ModelMs">Milliseconds that the model was waited for.</param>
internal sealed record ChatOutcome(
    long PromptTokens, long CompletionTokens, string FinishReason, bool UsageEstimated, double ModelMs);
