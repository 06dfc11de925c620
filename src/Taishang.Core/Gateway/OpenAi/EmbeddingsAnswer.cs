using System.Runtime.InteropServices;
using System.Text.Json;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Vectors;

namespace Taishang.Core.Gateway.OpenAi;

/// <summary>Writes vectors in OpenAI's form.</summary>
internal static class EmbeddingsAnswer
{
    public static async Task WriteAsync(HttpContext context, EmbeddedList embedded, EmbeddingsBody body)
    {
        context.Response.ContentType = Envelope.JsonContentType;
        Write(context, embedded, body);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    /// <summary>The worker speaks of texts, the caller knows its input.</summary>
    public static Task<Served<EmbeddedList>> RenamingTexts(this Task<Served<EmbeddedList>> call, int count) =>
        call.RenamingFields(field => TextVectors.RowOf(field) is { } row
            ? count == 1 ? "input" : $"input[{row}]" : field);

    private static void Write(HttpContext context, EmbeddedList embedded, EmbeddingsBody body)
    {
        using var writer = new Utf8JsonWriter(context.Response.BodyWriter, Envelope.WriterOptions);
        writer.WriteStartObject();
        writer.WriteString("object"u8, "list"u8);
        writer.WriteStartArray("data"u8);
        for (var i = 0; i < embedded.Embeddings.Count; i++)
        {
            var values = embedded.Embeddings[i].Values;
            writer.WriteStartObject();
            writer.WriteString("object"u8, "embedding"u8);
            writer.WriteNumber("index"u8, i);
            if (body.Base64)
            {
                // The machines that we run on are little-endian, as the form wants it.
                writer.WriteBase64String(
                    "embedding"u8, MemoryMarshal.AsBytes(UnsafeCollectionOperations.AsSpan(values)));
            }
            else
            {
                writer.WriteStartArray("embedding"u8);
                VectorAnswers.WriteNumbers(writer, values);
                writer.WriteEndArray();
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteString("model"u8, body.Model);
        writer.WriteStartObject("usage"u8);
        writer.WriteNumber("prompt_tokens"u8, embedded.Tokens);
        writer.WriteNumber("total_tokens"u8, embedded.Tokens);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
