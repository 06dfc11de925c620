using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;

namespace Taishang.Core.Vectors.Json;

/// <summary>
/// Ids of rows: a string of 1–128 characters or an integer, which is the same row as its decimal text.
/// </summary>
internal static class VectorIds
{
    /// <summary>Reads the value that the reader stands on; null, with the reason noted, when it is no id.</summary>
    public static RowId? Read(ref BodyReader reader, FieldPath path)
    {
        if (reader.Token == JsonTokenType.Number)
        {
            if (reader.TryInteger() is { } integer) return new RowId { Integer = integer };
            reader.Errors.Add(ErrorCodes.VectorIdInvalid, path.ToString(), "expected an integer of 64 bits");
            return null;
        }

        if (reader.Token != JsonTokenType.String)
        {
            reader.WrongType(path, "a string or an integer");
            return null;
        }

        if (reader.Text() is { Length: >= 1 and <= VectorLimits.IdCharactersMax } text)
            return new RowId { Text = text };
        reader.Errors.Add(ErrorCodes.VectorIdInvalid, path.ToString(),
            $"expected 1 to {VectorLimits.IdCharactersMax} characters, came {reader.Text().Length}");
        return null;
    }

    /// <summary>A list of ids under its name, into the message's list.</summary>
    public static void ReadList(ref BodyReader reader, string list, ICollection<RowId> ids)
    {
        if (!reader.Enters(JsonTokenType.StartArray, new FieldPath(list))) return;
        for (var row = 0; reader.NextElement(); row++)
        {
            if (row >= VectorLimits.RowsMax)
            {
                if (row == VectorLimits.RowsMax)
                    reader.Errors.Add(ErrorCodes.TooManyRows, list, $"expected at most {VectorLimits.RowsMax} ids");
                reader.Skip();
                continue;
            }

            if (Read(ref reader, new FieldPath("", list, row)) is { } id) ids.Add(id);
        }
    }

    public static void Write(Utf8JsonWriter writer, RowId id)
    {
        if (id.KindCase == RowId.KindOneofCase.Integer) writer.WriteNumber("id"u8, id.Integer);
        else writer.WriteString("id"u8, id.Text);
    }
}
