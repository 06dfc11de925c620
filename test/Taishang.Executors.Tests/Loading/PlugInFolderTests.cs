using System.Reflection;
using System.Runtime.Loader;
using System.Text.Json;
using Taishang.Executors.Loading;
using Taishang.Testing.Processes;

namespace Taishang.Executors.Tests.Loading;

public sealed class PlugInFolderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private PlugInWriter Writer => new(_folder.Path);

    [Fact]
    public void Executors_of_all_plug_ins_are_loaded_each_in_a_world_of_its_own()
    {
        Writer.Add("second", "count_words").Add("first", "translate", "ocr_2");

        var executors = PlugInFolder.Load(_folder.Path);

        Assert.Equal(["translate", "ocr_2", "count_words"], executors.Select(executor => executor.Type));
        var worlds = executors.Select(one => AssemblyLoadContext.GetLoadContext(one.GetType().Assembly)).ToArray();
        Assert.Equal("first", worlds[0]!.Name);
        Assert.Same(worlds[0], worlds[1]);
        Assert.NotSame(worlds[0], worlds[2]);
        Assert.NotSame(AssemblyLoadContext.Default, worlds[0]);
    }

    [Fact]
    public void A_copy_of_the_shared_assembly_beside_a_plug_in_is_passed_over()
    {
        Writer.Add("copy", "some_type");
        var shared = typeof(ITaskExecutor).Assembly.Location;
        File.Copy(shared, Path.Combine(_folder.Path, "copy", Path.GetFileName(shared)));

        Assert.Equal("some_type", Assert.Single(PlugInFolder.Load(_folder.Path)).Type);
    }

    [Fact]
    public void An_executor_that_checks_nothing_takes_every_payload()
    {
        Writer.Add("plain", "some_type");
        var executor = Assert.Single(PlugInFolder.Load(_folder.Path));
        var errors = new PayloadErrors();

        executor.Validate(default(JsonElement), errors);

        Assert.Equal((0, false), (errors.Count, executor.ParksItself));
    }

    [Fact]
    public void An_empty_folder_has_none_and_a_missing_one_is_refused()
    {
        Assert.Empty(PlugInFolder.Load(_folder.Path));
        AssertRefused("does not exist", Path.Combine(_folder.Path, "nowhere"));
    }

    [Fact]
    public void A_plug_in_without_its_main_assembly_is_refused()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "empty"));
        AssertRefused("the plug-in empty has no empty.dll");
    }

    [Fact]
    public void A_file_that_is_no_assembly_is_refused()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, "junk"));
        File.WriteAllText(Path.Combine(_folder.Path, "junk", "junk.dll"), "not an assembly");
        AssertRefused("the plug-in junk can not be loaded");
    }

    [Fact]
    public void A_plug_in_that_knows_nothing_of_executors_is_refused()
    {
        Writer.AddStranger("stranger");
        AssertRefused("the plug-in stranger does not use Taishang.Executors");
    }

    [Fact]
    public void A_plug_in_whose_executors_are_not_public_is_refused()
    {
        Writer.Add("hidden", _ => { }, TypeAttributes.NotPublic);
        AssertRefused("the plug-in hidden has no public class that implements ITaskExecutor");
    }

    [Fact]
    public void An_executor_whose_constructor_wants_something_is_refused()
    {
        Writer.Add("wanting", PlugInWriter.Wanting);
        AssertRefused("wanting.Executor without a public constructor that takes nothing");
    }

    [Fact]
    public void An_executor_that_fails_to_start_says_why()
    {
        Writer.Add("failing", PlugInWriter.Throwing);
        AssertRefused("failing.Executor failed to start: no licence");
    }

    [Theory]
    [InlineData("")]
    [InlineData("Upper")]
    [InlineData("with space")]
    [InlineData("7up")]
    [InlineData("a23456789012345678901234567890123456789012345678901")]
    public void A_type_that_is_no_name_is_refused(string type)
    {
        Writer.Add("named", type);
        AssertRefused($"of the type '{type}': expected a small letter");
    }

    [Fact]
    public void Two_executors_of_one_type_are_refused_by_both_names()
    {
        Writer.Add("one", "same_type").Add("two", "same_type");
        AssertRefused(
            "two executors are registered for the type same_type: one.Executor0 of one and two.Executor0 of two");
    }

    [Fact]
    public void More_plug_ins_than_the_limit_are_refused()
    {
        for (var i = 0; i <= PlugInFolder.PlugInsMax; i++)
            Directory.CreateDirectory(Path.Combine(_folder.Path, $"p{i}"));
        AssertRefused($"at most {PlugInFolder.PlugInsMax} are loaded");
    }

    [Theory]
    [InlineData("1.0", true)]
    [InlineData("1.1", false)]
    [InlineData("2.0", false)]
    [InlineData("0.9", false)]
    public void A_plug_in_fits_when_nothing_that_it_was_built_against_is_missing(string version, bool fits) =>
        Assert.Equal(fits, PlugInFolder.Misfit(Version.Parse(version)) is null);

    public void Dispose() => _folder.Dispose();

    private void AssertRefused(string message, string? folder = null)
    {
        var error = Assert.Throws<InvalidDataException>(() => PlugInFolder.Load(folder ?? _folder.Path));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
