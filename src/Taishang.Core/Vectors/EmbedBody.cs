using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Vectors;

/// <summary>Texts to turn into vectors, and with which model.</summary>
internal sealed class EmbedBody
{
    private const int TextBit = 1;
    private const int TextsBit = 2;
    private const int ModelBit = 4;

    private EmbedBody()
    {
    }

    public List<string> Texts { get; } = [];

    /// <summary>True when asked with <c>texts</c>: the answer lists every embedding.</summary>
    public bool Many { get; private set; }

    /// <summary>Id, name or provider/name; null for the default.</summary>
    public string? Model { get; private set; }

    /// <exception cref="ApiException">With every broken rule that was found.</exception>
    public static EmbedBody Read(ReadOnlySpan<byte> json)
    {
        var body = new EmbedBody();
        BodyReader.ReadAll(json, body.ReadFields);
        return body;
    }

    private void ReadFields(ref BodyReader reader)
    {
        var seen = 0;
        while (reader.NextField())
        {
            if (reader.Is("text"u8))
            {
                var path = new FieldPath("text");
                if (reader.Once(ref seen, TextBit, path)
                    && reader.String(path, VectorLimits.TextCharactersMax) is { } text) Texts.Add(text);
            }
            else if (reader.Is("texts"u8))
            {
                if (reader.Once(ref seen, TextsBit, new FieldPath("texts"))) ReadTexts(ref reader);
            }
            else if (reader.Is("model"u8))
            {
                var path = new FieldPath("model");
                if (reader.Once(ref seen, ModelBit, path) && !reader.IsNull)
                    Model = reader.String(path, EmbeddingModels.ReferenceCharactersMax);
            }
            else
            {
                reader.RefuseField(new FieldPath(""), "text, texts, model");
            }
        }

        reader.Finish();
        if ((seen & (TextBit | TextsBit)) == 0)
            reader.Errors.Add(ErrorCodes.MissingField, "text", "required and missing: one of text, texts");
        else if ((seen & TextBit) != 0 && (seen & TextsBit) != 0)
            reader.Errors.Add(ErrorCodes.InvalidArgument, "text", "expected one of text, texts, came both");
    }

    private void ReadTexts(ref BodyReader reader)
    {
        Many = true;
        if (!reader.Enters(JsonTokenType.StartArray, new FieldPath("texts"))) return;
        var count = 0;
        for (; reader.NextElement(); count++)
        {
            if (count >= VectorLimits.TextsMax) reader.Skip();
            else if (reader.String(new FieldPath("", "texts", count), VectorLimits.TextCharactersMax) is { } text)
                Texts.Add(text);
        }

        if (count > VectorLimits.TextsMax)
            reader.Errors.Add(ErrorCodes.TooManyRows, "texts",
                $"expected at most {VectorLimits.TextsMax} texts, came {count}");
        if (count == 0) reader.Errors.Add(ErrorCodes.InvalidArgument, "texts", "expected at least one text, came none");
    }
}
