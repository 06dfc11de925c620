using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway.OpenAi;

/// <summary>
/// A chat completion as server-sent events in OpenAI's manner: <c>data: {chunk}</c> for each part, the usage last where
/// it was asked for, then <c>data: [DONE]</c>. An error before the first part is an answer of its own; one after it is
/// an event with an error, and no [DONE] follows, so that nobody takes half an answer for a whole one.
/// </summary>
internal sealed class ChatStream
{
    private readonly HttpContext _context;
    private readonly ModelCall _call;
    private readonly ChatBody _body;
    private ByteString _last = ByteString.Empty;
    private ByteString? _usage;
    private bool _isUsageSaid;

    private ChatStream(HttpContext context, ModelCall call, ChatBody body) =>
        (_context, _call, _body) = (context, call, body);

    private PipeWriter Output => _context.Response.BodyWriter;

    public static async Task RunAsync(HttpContext context, ChatCalls calls, ModelCall call, ChatBody body)
    {
        var stream = new ChatStream(context, call, body);
        try
        {
            var served = await calls.StreamAsync(call, body, stream.PassAsync, context.RequestAborted);
            await stream.EndAsync(served);
        }
        catch (Exception e) when (context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            await stream.FailAsync(ErrorResponses.ToApi(e));
        }
    }

    /// <summary>A part that holds only the usage is kept back: it is for those who asked for it, and comes last.
    /// </summary>
    private async Task PassAsync(CallAttempt attempt, ByteString chunk)
    {
        if (SaysUsage(chunk.Span, out var hasChoice))
        {
            _isUsageSaid |= hasChoice;
            if (!hasChoice)
            {
                _usage = chunk;
                return;
            }
        }

        Start(new ServedBy
        {
            Model = attempt.Model,
            Target = attempt.Target,
            Route = _call.Route?.Name,
            Tries = attempt.Tries,
        });
        _last = chunk;
        Write("data: "u8, chunk.Span);
        await Output.FlushAsync(_context.RequestAborted);
    }

    private async Task EndAsync(Served<ChatOutcome> served)
    {
        Start(served.By);
        if (_usage is { } given && _body.IncludeUsage) Write("data: "u8, given.Span);
        // Some say it in the part of their last choice: clients that add up must not find it twice.
        else if (_body.IncludeUsage && !_isUsageSaid) Write("data: "u8, UsageOf(served.Answer));
        // A comment: clients of OpenAI pass over it, ours read what the call cost.
        Write(": served "u8, JsonSerializer.SerializeToUtf8Bytes(served.By.ToAnswer(), ApiJson.Options));
        Write("data: "u8, "[DONE]"u8);
        await Output.FlushAsync(_context.RequestAborted);
    }

    private async Task FailAsync(ApiException error)
    {
        var buffer = new ArrayBufferWriter<byte>();
        OpenAiError.Write(buffer, error);
        Write("data: "u8, buffer.WrittenSpan);
        await Output.FlushAsync(_context.RequestAborted);
    }

    private void Start(ServedBy by)
    {
        var response = _context.Response;
        if (response.HasStarted) return;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache, no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        ServedBy.WriteTarget(_context, by);
        _context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
    }

    /// <summary>One event on one line: a line break within JSON is only ever between its parts.</summary>
    private void Write(ReadOnlySpan<byte> field, ReadOnlySpan<byte> line)
    {
        Output.Write(field);
        while (line.IndexOfAny((byte)'\n', (byte)'\r') is >= 0 and var at)
        {
            Output.Write(line[..at]);
            line = line[(at + 1)..];
        }

        Output.Write(line);
        Output.Write("\n\n"u8);
    }

    private static bool SaysUsage(ReadOnlySpan<byte> chunk, out bool hasChoice)
    {
        hasChoice = false;
        if (chunk.IndexOf("\"usage\""u8) < 0) return false;
        try
        {
            using var document = JsonDocument.Parse(chunk.ToArray());
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("usage", out var usage)
                || usage.ValueKind != JsonValueKind.Object)
            {
                return false;
            }

            hasChoice = root.TryGetProperty("choices", out var choices) && choices.ValueKind == JsonValueKind.Array
                && choices.GetArrayLength() > 0;
            return true;
        }
        catch (JsonException)
        {
            // Passed on as it came: what a provider breaks, its client sees.
            return false;
        }
    }

    private byte[] UsageOf(ChatOutcome outcome)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Envelope.WriterOptions))
        {
            writer.WriteStartObject();
            CopyHead(writer, _last);
            writer.WriteStartArray("choices"u8);
            writer.WriteEndArray();
            writer.WriteStartObject("usage"u8);
            writer.WriteNumber("prompt_tokens"u8, outcome.Summary.PromptTokens);
            writer.WriteNumber("completion_tokens"u8, outcome.Summary.CompletionTokens);
            writer.WriteNumber("total_tokens"u8, outcome.Summary.PromptTokens + outcome.Summary.CompletionTokens);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The id, time and model of the last part, so that the usage belongs to it.</summary>
    private static void CopyHead(Utf8JsonWriter writer, ByteString last)
    {
        writer.WriteString("object"u8, "chat.completion.chunk"u8);
        if (last.IsEmpty) return;
        try
        {
            using var document = JsonDocument.Parse(last.Memory);
            foreach (var name in (string[])["id", "created", "model"])
            {
                if (!document.RootElement.TryGetProperty(name, out var value)) continue;
                writer.WritePropertyName(name);
                value.WriteTo(writer);
            }
        }
        catch (JsonException)
        {
            // The usage stands without them.
        }
    }
}
