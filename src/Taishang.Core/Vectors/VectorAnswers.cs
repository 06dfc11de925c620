using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Microsoft.AspNetCore.Http;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Vectors;

/// <summary>Writes answers straight from the worker's messages, without a tree in between.</summary>
internal static class VectorAnswers
{
    public static Task CountAsync(HttpContext context, long count) =>
        Envelope.WriteAsync(context, count, static (count, writer) =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("count"u8, count);
            writer.WriteEndObject();
        });

    /// <summary>Of a batch, `results` are the hits of the first query and `batches` one answer for each; of a grouped
    /// search, `results` are the nearest rows of the groups.</summary>
    public static Task SearchAsync(HttpContext context, SearchVectorsResponse response, bool batch, bool grouped)
    {
        // Whoever measures can take the engine's own time from what the request took.
        context.Response.Headers["Server-Timing"] = string.Create(
            CultureInfo.InvariantCulture, $"engine;dur={response.EngineMicroseconds / 1000.0:0.###}");
        return Envelope.WriteAsync(context, (response, batch, grouped), static (state, writer) =>
        {
            writer.WriteStartObject();
            WriteAnswer(writer, state.response.Answers[0], state.grouped);
            if (state.batch)
            {
                writer.WriteStartArray("batches"u8);
                foreach (var hits in state.response.Answers)
                {
                    writer.WriteStartObject();
                    WriteAnswer(writer, hits, state.grouped);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            }

            writer.WriteEndObject();
        });
    }

    public static Task RowsAsync(HttpContext context, GetVectorsResponse response) =>
        Envelope.WriteAsync(context, response, static (response, writer) =>
        {
            writer.WriteStartObject();
            WriteRows(writer, response.Rows);
            writer.WriteEndObject();
        });

    public static Task ScrollAsync(HttpContext context, ScrollVectorsResponse response) =>
        Envelope.WriteAsync(context, response, static (response, writer) =>
        {
            writer.WriteStartObject();
            WriteRows(writer, response.Rows);
            if (response.NextCursor.Length > 0) writer.WriteString("next_cursor"u8, response.NextCursor);
            writer.WriteNumber("total"u8, response.Total);
            writer.WriteEndObject();
        });

    public static Task EmbeddingsAsync(HttpContext context, EmbeddedTexts embedded, bool many) =>
        Envelope.WriteAsync(context, (embedded, many), static (state, writer) =>
        {
            var (embedded, many) = state;
            writer.WriteStartObject();
            WriteVector(writer, "embedding"u8, embedded.Embeddings[0].Values);
            if (many)
            {
                writer.WriteStartArray("embeddings"u8);
                foreach (var embedding in embedded.Embeddings)
                {
                    writer.WriteStartArray();
                    WriteNumbers(writer, embedding.Values);
                    writer.WriteEndArray();
                }

                writer.WriteEndArray();
            }

            writer.WriteString("model"u8, embedded.Model);
            writer.WriteString("version"u8, embedded.By.Version);
            writer.WriteNumber("dims"u8, embedded.Embeddings[0].Values.Count);
            writer.WriteStartObject("usage"u8);
            writer.WriteNumber("tokens"u8, embedded.Tokens);
            writer.WriteEndObject();
            writer.WritePropertyName("served"u8);
            JsonSerializer.Serialize(writer, embedded.By, ApiJson.Options);
            writer.WriteEndObject();
        });

    private static void WriteRows(Utf8JsonWriter writer, RepeatedField<Row> rows)
    {
        writer.WriteStartArray("vectors"u8);
        foreach (var row in rows)
        {
            writer.WriteStartObject();
            VectorIds.Write(writer, row.Id);
            if (row.Vector.Count > 0) WriteVector(writer, "vector"u8, row.Vector);
            WriteMetadata(writer, row.MetadataJson);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteAnswer(Utf8JsonWriter writer, Hits answer, bool grouped)
    {
        if (!grouped)
        {
            WriteHits(writer, answer.Hits_);
            return;
        }

        WriteHits(writer, answer.Groups.Select(group => group.Hits[0]));
        writer.WriteStartArray("groups"u8);
        foreach (var group in answer.Groups)
        {
            writer.WriteStartObject();
            writer.WritePropertyName("value"u8);
            writer.WriteRawValue(group.ValueJson.Span, skipInputValidation: true);
            WriteHits(writer, group.Hits);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteHits(Utf8JsonWriter writer, IEnumerable<Hit> hits)
    {
        writer.WriteStartArray("results"u8);
        var count = 0;
        foreach (var hit in hits)
        {
            writer.WriteStartObject();
            VectorIds.Write(writer, hit.Id);
            writer.WriteNumber("score"u8, Finite(hit.Score));
            writer.WriteNumber("distance"u8, Finite(hit.Distance));
            WriteMetadata(writer, hit.MetadataJson);
            if (hit.Vector.Count > 0) WriteVector(writer, "vector"u8, hit.Vector);
            writer.WriteEndObject();
            count++;
        }

        writer.WriteEndArray();
        writer.WriteNumber("total"u8, count);
    }

    private static void WriteMetadata(Utf8JsonWriter writer, ByteString json)
    {
        if (json.IsEmpty) return;
        writer.WritePropertyName("metadata"u8);
        // Checked when it was written.
        writer.WriteRawValue(json.Span, skipInputValidation: true);
    }

    private static void WriteVector(Utf8JsonWriter writer, ReadOnlySpan<byte> name, RepeatedField<float> values)
    {
        writer.WriteStartArray(name);
        WriteNumbers(writer, values);
        writer.WriteEndArray();
    }

    internal static void WriteNumbers(Utf8JsonWriter writer, RepeatedField<float> values)
    {
        foreach (var value in UnsafeCollectionOperations.AsSpan(values)) writer.WriteNumberValue(value);
    }

    /// <summary>A dot product or a distance of large vectors may pass float32, which JSON has no word for.</summary>
    private static float Finite(float value) => Math.Clamp(value, float.MinValue, float.MaxValue);
}
