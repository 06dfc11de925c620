using Taishang.Testing.Databases;

[assembly: AssemblyFixture(typeof(DatabaseTemplates))]
