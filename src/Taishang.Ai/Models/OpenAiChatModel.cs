using System.ClientModel.Primitives;
using System.Net.ServerSentEvents;

namespace Taishang.Ai.Models;

/// <summary>One chat model of a remote service. Takes over the connection.</summary>
internal sealed class OpenAiChatModel(OpenAiConnection connection, ModelOptions options) : IChatModel
{
    public async Task<ChatOutcome> ChatAsync(ChatCall call, ChatSink send, CancellationToken cancellationToken)
    {
        ChatBody body = ChatBody.Build(call, connection.Settings, options.MaxChatBodyBytes);
        var ledger = new ChatLedger(body, connection.Failures);
        using OpenAiExchange exchange = connection.Begin(cancellationToken);
        using PipelineResponse response =
            await exchange.WaitAsync(token => connection.ChatAsync(body.Json, call.Stream, token));
        if (call.Stream && IsEvents(response))
        {
            await StreamAsync(exchange, response, ledger, send);
        }
        else
        {
            byte[] answer = await exchange.WaitAsync(token => connection.ReadAllAsync(response, token));
            ledger.ReadCompletion(answer);
            if (call.Stream)
                throw OpenAiFailures.Nonsense("a stream was asked for, one whole completion came");
            await send(answer);
        }
        return ledger.Finish(exchange.WaitedMs);
    }

    public void Dispose() => connection.Dispose();

    private async Task StreamAsync(
        OpenAiExchange exchange, PipelineResponse response, ChatLedger ledger, ChatSink send)
    {
        await using BoundedStream stream = connection.EventsOf(response);
        SseParser<byte[]> parser = SseParser.Create(stream, static (_, data) => data.ToArray());
        // The clock's token is one for the whole exchange, so that the one enumerator sees each of its waits.
        IAsyncEnumerator<SseItem<byte[]>>? events = null;
        try
        {
            while (true)
            {
                bool more = await exchange.WaitAsync(token =>
                    (events ??= parser.EnumerateAsync(token).GetAsyncEnumerator(token)).MoveNextAsync().AsTask());
                if (!more || events is null) break;
                byte[] data = events.Current.Data;
                if (data.AsSpan().Trim((byte)' ').SequenceEqual("[DONE]"u8)) return;
                if (data.Length > 0 && ledger.ReadChunk(data)) await send(data);
            }
        }
        finally
        {
            if (events is not null) await events.DisposeAsync();
        }
        // Not every service says that it is done; each says why the model stopped.
        if (ledger.FinishReason.Length == 0)
        {
            throw new ModelException(ModelErrorKind.UpstreamFailed,
                "The service's stream was cut off: it ended before the model had stopped.");
        }
    }

    private static bool IsEvents(PipelineResponse response) =>
        !response.Headers.TryGetValue("Content-Type", out string? type) || type is null
        || !type.Contains("application/json", StringComparison.OrdinalIgnoreCase);
}
