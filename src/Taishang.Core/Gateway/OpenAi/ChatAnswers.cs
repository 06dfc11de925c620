using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway.OpenAi;

/// <summary>Writes whole completions.</summary>
internal static class ChatAnswers
{
    /// <summary>As the model gave it.</summary>
    public static async Task BareAsync(HttpContext context, Served<ChatOutcome> served)
    {
        context.Response.ContentType = Envelope.JsonContentType;
        if (served.Answer.Completion is { } completion)
            await context.Response.BodyWriter.WriteAsync(completion.Memory, context.RequestAborted);
    }

    /// <summary>In our envelope, beside who served.</summary>
    public static Task EnvelopeAsync(HttpContext context, Served<ChatOutcome> served) =>
        Envelope.WriteAsync(context, served, static (served, writer) =>
        {
            var (answer, by) = served;
            writer.WriteStartObject();
            writer.WriteString("model"u8, by.Model.Model.Reference);
            writer.WriteString("version"u8, by.Model.Version.Version);
            writer.WritePropertyName("completion"u8);
            if (answer.Completion is { } completion) writer.WriteRawValue(completion.Span);
            else writer.WriteNullValue();
            writer.WriteStartObject("usage"u8);
            writer.WriteNumber("input_tokens"u8, answer.Summary.PromptTokens);
            writer.WriteNumber("output_tokens"u8, answer.Summary.CompletionTokens);
            writer.WriteEndObject();
            writer.WritePropertyName("served"u8);
            JsonSerializer.Serialize(writer, by.ToAnswer(), ApiJson.Options);
            writer.WriteEndObject();
        });
}
